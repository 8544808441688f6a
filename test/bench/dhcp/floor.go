package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
)

// appendLine rewrites a file with an additional line.
func appendLine(path, line string, mode os.FileMode) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(b, line+"\n"...), mode)
}

// addDHCPHost has dnsmasq read a hosts file with a NIC more.
func (w *world) addDHCPHost(n nic) error {
	root := w.lab.DNSMasqRoot(node)
	hosts := filepath.Join(root, "etc/dnsmasq.d", zone, dnsmasq.HostsFile(vnet))
	if err := appendLine(hosts, n.macText()+","+n.ip.String()+","+n.label(), 0o644); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(root, "run/viaduct-dnsmasq", "dnsmasq."+zone+"."+vnet+".pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return err
	}
	return unix.Kill(pid, unix.SIGHUP)
}

// addDNSName has the name server read a file of names with one more.
func (w *world) addDNSName(n nic) error {
	dir := filepath.Join(w.lab.Dir, "nodes", node, "nameserver")
	if err := appendLine(filepath.Join(dir, coredns.NamesFile(zone)), n.label()+"."+domain+" "+n.ip.String(), 0o600); err != nil {
		return err
	}
	c, err := net.Dial("unix", filepath.Join(dir, coredns.Control))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c, coredns.CommandReload); err != nil {
		return err
	}
	var a coredns.Answer
	if err := json.NewDecoder(c).Decode(&a); err != nil {
		return err
	}
	if a.Error != "" {
		return fmt.Errorf("the name server: %s", a.Error)
	}
	return nil
}
