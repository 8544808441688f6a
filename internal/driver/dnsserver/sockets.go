package dnsserver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/coredns"
)

// passSockets passes missing sockets to the server, which is not permitted to open them. A socket
// that cannot be opened is an error of its zone.
func (d *Driver) passSockets(ctx context.Context, a coredns.Answer, want *desired.NameServer) (coredns.Answer, error) {
	faults := map[string]string{}
	for chunk := range slices.Chunk(a.Missing, coredns.MaxListeners) {
		var opened []desired.NameListener
		var files []*os.File
		for _, l := range chunk {
			pair, err := d.open(l)
			if err != nil {
				faults[zoneOf(want, l)] = fmt.Sprintf("cannot listen on %s, interface %s: %v", l.Addr, l.Link, err)
				continue
			}
			opened, files = append(opened, l), append(files, pair...)
		}
		if len(opened) == 0 {
			continue
		}
		next, err := d.sendSockets(ctx, opened, files)
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
		if err == nil && next.Error != "" {
			err = fmt.Errorf("the DNS server cannot use its sockets: %s", next.Error)
		}
		if err != nil {
			return a, err
		}
		a = next
	}
	for zone, text := range faults {
		if a.Faults == nil {
			a.Faults = map[string]string{}
		}
		a.Faults[zone] = cmp.Or(a.Faults[zone], text)
	}
	return a, nil
}

// zoneOf returns the zone of a listener.
func zoneOf(s *desired.NameServer, l desired.NameListener) string {
	for _, v := range s.Views {
		if slices.Contains(v.Listen, l) {
			return v.Zone
		}
	}
	return ""
}

// open opens the UDP and the TCP socket of a listener, in the server's namespace.
func (d *Driver) open(l desired.NameListener) (pair []*os.File, err error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return bind(c, l) }}
	open := func() error {
		udp, err := lc.ListenPacket(context.Background(), "udp", l.Addr.String())
		if err != nil {
			return err
		}
		defer func() { _ = udp.Close() }()
		tcp, err := lc.Listen(context.Background(), "tcp", l.Addr.String())
		if err != nil {
			return err
		}
		defer tcp.Close()
		u, err := udp.(*net.UDPConn).File()
		if err != nil {
			return err
		}
		t, err := tcp.(*net.TCPListener).File()
		if err != nil {
			return errors.Join(err, u.Close())
		}
		pair = []*os.File{u, t}
		return nil
	}
	if d.o.Namespace != nil {
		return pair, d.o.Namespace.Run(open)
	}
	return pair, open()
}

// bind binds a socket to its interface, so that it serves a VRF next to others with
// the same addresses, and allows an address that the interface does not have yet.
func bind(c syscall.RawConn, l desired.NameListener) error {
	var err error
	ctl := c.Control(func(fd uintptr) {
		if err = unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, l.Link); err != nil {
			return
		}
		if l.Addr.Addr().Is4() {
			err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_FREEBIND, 1)
		}
	})
	return cmp.Or(ctl, err)
}

// sendSockets sends sockets to the server.
func (d *Driver) sendSockets(ctx context.Context, listeners []desired.NameListener, files []*os.File) (coredns.Answer, error) {
	list, err := json.Marshal(listeners)
	if err != nil {
		return coredns.Answer{}, err
	}
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	a, _, err := d.withConn(ctx, func(c *net.UnixConn) error {
		_, _, err := c.WriteMsgUnix([]byte(coredns.CommandListen+"\n"+string(list)+"\n"), unix.UnixRights(fds...), nil)
		return err
	})
	return a, err
}
