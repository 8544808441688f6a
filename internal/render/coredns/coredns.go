// Package coredns defines how a node's DNS server is configured: files in one directory,
// and commands over a socket in it. It is between driver/nameserver, which writes them,
// and nameserver/coredns, the server itself, a separate process. It is pure.
//
// There is one file of settings, and for each view one of names, so that adding or
// removing a name changes neither the settings nor other zones' names.
package coredns

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Files in the directory of a DNS server.
const (
	// Settings is the file of settings.
	Settings = "settings.json"
	// namesSuffix ends the names of the other files: the zone precedes it.
	namesSuffix = ".names"
	// Control is the socket that the server listens on.
	Control = "control"
	// Lock is locked by the running server.
	Lock = "lock"
	// Log is the log of the server.
	Log = "log"
)

// NamesFile is the file of a view's names.
func NamesFile(zone string) string { return zone + namesSuffix }

// IsNamesFile reports whether a file is one.
func IsNamesFile(name string) bool { return strings.HasSuffix(name, namesSuffix) }

// Commands for the socket, one on each connection.
const (
	// CommandStatus requests the Answer without any change.
	CommandStatus = "look"
	// CommandReload makes the server read its files first.
	CommandReload = "reload"
	// CommandStop ends the server after its answer.
	CommandStop = "stop"
	// CommandListen passes sockets to the server that it lacks, since it may not open them itself:
	// the line of the command is followed by one of JSON, a list of desired.NameListener,
	// and two file descriptors for each of these, its UDP and its TCP socket.
	CommandListen = "take"
)

// MaxListeners is how many listeners are passed at once: the kernel passes at most 253 file
// descriptors in a message (SCM_MAX_FD, unix(7)), and one message has to hold the list.
const MaxListeners = 64

// Answer is the server's answer to each command.
type Answer struct {
	// Version is the release of the server, Content the Hash of what it serves.
	Version string `json:"version"`
	Content string `json:"content"`
	// Error is why files were not read; the previous content is still served then.
	Error string `json:"error,omitempty"`
	// Faults are the views that are not served everywhere, by zone.
	Faults map[string]string `json:"faults,omitempty"`
	// Missing are the listeners without sockets in the server, although their interfaces
	// exist.
	Missing []desired.NameListener `json:"missing,omitempty"`
}

// Render renders the files. Equal states give equal files.
func Render(s *desired.NameServer) (map[string][]byte, error) {
	settings := desired.NameServer{Forwarders: s.Forwarders, Views: slices.Clone(s.Views)}
	files := map[string][]byte{}
	for i, v := range settings.Views {
		var b bytes.Buffer
		for _, n := range v.Names {
			b.WriteString(n.Name)
			for _, ip := range n.IPs {
				b.WriteByte(' ')
				b.WriteString(ip.String())
			}
			b.WriteByte('\n')
		}
		files[NamesFile(v.Zone)] = b.Bytes()
		settings.Views[i].Names = nil
	}
	slices.SortFunc(settings.Views, func(a, b desired.NameView) int { return cmp.Compare(a.Zone, b.Zone) })
	data, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the name server's settings: %w", err)
	}
	files[Settings] = append(data, '\n')
	return files, nil
}

// Hash identifies files by their names and contents.
func Hash(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %d\n", name, len(files[name]))
		h.Write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Parse is the reverse of Render.
func Parse(files map[string][]byte) (*desired.NameServer, error) {
	s := &desired.NameServer{}
	if err := json.Unmarshal(files[Settings], s); err != nil {
		return nil, fmt.Errorf("%s: %w", Settings, err)
	}
	for i := range s.Views {
		v := &s.Views[i]
		data, ok := files[NamesFile(v.Zone)]
		if !ok {
			return nil, fmt.Errorf("%s is missing", NamesFile(v.Zone))
		}
		var err error
		if v.Names, err = parseNames(data); err != nil {
			return nil, fmt.Errorf("%s: %w", NamesFile(v.Zone), err)
		}
	}
	return s, nil
}

func parseNames(data []byte) ([]desired.NameEntry, error) {
	if len(data) == 0 {
		return nil, nil
	}
	out := make([]desired.NameEntry, 0, bytes.Count(data, []byte{'\n'}))
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			continue
		}
		e := desired.NameEntry{Name: name}
		if rest != "" {
			e.IPs = make([]netip.Addr, 0, 1+strings.Count(rest, " "))
		}
		for w := range strings.FieldsSeq(rest) {
			ip, err := netip.ParseAddr(w)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			e.IPs = append(e.IPs, ip)
		}
		out = append(out, e)
	}
	return out, nil
}
