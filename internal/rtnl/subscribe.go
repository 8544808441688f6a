package rtnl

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/netns"
)

// Subscribe returns a channel that gets a value after links, addresses, routes
// or static forwarding entries of the namespace changed (nil: the process's
// own). It holds at most one value: any number of changes before it is read
// are one wake-up, and so are changes that the kernel could not tell because
// there were too many. Our own changes wake too. The channel is closed when
// ctx ends or the socket fails.
func Subscribe(ctx context.Context, ns *netns.NS) (<-chan struct{}, error) {
	var fd int
	err := ns.Run(func() (err error) {
		fd, err = socket(unix.SOCK_NONBLOCK)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, group := range []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_NEIGH, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("listen for changes of the network: %w", err)
		}
	}
	// A non-blocking descriptor in an os.File waits in the runtime's poller,
	// so closing the file ends the wait.
	file := os.NewFile(uintptr(fd), "rtnetlink")
	stop := context.AfterFunc(ctx, func() { _ = file.Close() })
	wake := make(chan struct{}, 1)
	go func() {
		defer close(wake)
		defer func() {
			if stop() {
				_ = file.Close()
			}
		}()
		listen(file, wake)
	}()
	return wake, nil
}

// listen reads notices until the file is closed.
func listen(file *os.File, wake chan<- struct{}) {
	buf := make([]byte, 64<<10)
	for {
		n, err := file.Read(buf)
		overrun := errors.Is(err, unix.ENOBUFS)
		if err != nil && !overrun {
			return
		}
		if !overrun && !relevant(buf[:n]) {
			continue
		}
		select {
		case wake <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// relevant reports whether a datagram tells of anything that a driver looks
// at. Learned forwarding entries and ARP come and go with traffic: they must
// not wake anybody.
func relevant(b []byte) bool {
	found := false
	err := split(b, func(h header, payload []byte) {
		if h.typ != unix.RTM_NEWNEIGH && h.typ != unix.RTM_DELNEIGH {
			found = true
			return
		}
		if len(payload) < unix.SizeofNdMsg || payload[0] != unix.AF_BRIDGE {
			return
		}
		state := binary.NativeEndian.Uint16(payload[8:])
		found = found || state&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0
	})
	return found || err != nil
}
