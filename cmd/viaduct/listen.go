package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/sockets"
)

const (
	// defaultListen is the server's listen address; clients of the Proxmox API use this
	// port by default.
	defaultListen = "127.0.0.1:8006"
	// listenVariable has the addresses if --listen is not given, separated by commas;
	// defaultVariable has those of the service if it has none.
	listenVariable  = "VIADUCT_LISTEN"
	defaultVariable = "VIADUCT_LISTEN_DEFAULT"
	// pveproxy is the program that holds port 8006 on hosts of Proxmox VE.
	pveproxy = "/usr/bin/pveproxy"
)

// listenAsEnvironment sets the addresses from the environment, unless the command line
// has some.
func (f *serverFlags) listenAsEnvironment(cmd *cobra.Command) {
	if cmd.Flags().Changed("listen") {
		return
	}
	for _, variable := range []string{listenVariable, defaultVariable} {
		if addrs := addressesIn(variable); len(addrs) > 0 {
			f.listen = addrs
			break
		}
	}
	if text, set := os.LookupEnv(listenVariable); set && len(addressesIn(listenVariable)) == 0 {
		logger(f.verbose).Warn(listenVariable+" names no address, as if it were not set; write addresses like 192.0.2.1:8006, or remove it from /etc/default/viaduct-server",
			"value", text, "listen", strings.Join(f.listen, ","))
	}
}

// addressesIn are the addresses in a variable of the environment.
func addressesIn(variable string) []string {
	var out []string
	for a := range strings.SplitSeq(os.Getenv(variable), ",") {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	return out
}

// listen returns the sockets that systemd passed (sd_listen_fds(3)) or, without any,
// listens on the addresses.
func listen(addrs []string) ([]net.Listener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("cannot use the sockets that were passed: %w", err)
	}
	if len(passed) > 0 {
		return passed, nil
	}
	var out []net.Listener
	for _, a := range addrs {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return nil, errors.Join(cannotListen(a, err), closeAll(out))
		}
		out = append(out, l)
	}
	return out, nil
}

func closeAll(ls []net.Listener) error {
	var errs []error
	for _, l := range ls {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// cannotListen explains why listening on an address failed, and how to fix it.
func cannotListen(addr string, err error) error {
	var wrong *net.AddrError
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("cannot listen on %q: %s; write an address with a port, like 192.0.2.1:8006, or :8006 for all addresses", addr, wrong.Err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s: this host does not have the address; use one of its own, or :PORT for all, in --listen or $%s", addr, listenVariable)
	case !errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen or $%s", addr, err, listenVariable)
	}
	at, unknown := net.ResolveTCPAddr("tcp", addr)
	if unknown != nil { // Listen has just resolved it
		return fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	ip, ok := netip.AddrFromSlice(at.IP)
	if !ok {
		ip = netip.IPv4Unspecified()
	}
	host, _, _ := net.SplitHostPort(addr)
	n, other := at.Port, at.Port+100
	if other > 65535 {
		other = n - 100
	}
	return fmt.Errorf("cannot listen on %s: TCP port %d of this host is already in use by %s; choose another address, like %s, with --listen or with %s in /etc/default/viaduct-server",
		addr, n, holder(ip, n), net.JoinHostPort(host, strconv.Itoa(other)), listenVariable)
}

// holder returns the name of the process that uses a port. A service without the right to
// inspect other processes (ptrace(2)) assumes pveproxy on a host of Proxmox VE.
func holder(ip netip.Addr, port int) string {
	found := sockets.At(nil, true, netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil) // a port that was listened on
	if len(found) > 0 {
		var names []string
		for _, h := range found {
			names = append(names, h.String())
		}
		return strings.Join(names, " and ")
	}
	other := fmt.Sprintf("another program (`ss -tlpn sport = :%d` shows it)", port)
	if _, err := os.Stat(pveproxy); err == nil && port == 8006 {
		return "pveproxy, the API of Proxmox VE, or " + other
	}
	return other
}
