package nft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/netns"
)

// groupNFTables is the multicast group on which the kernel tells changes of
// rules (linux/netfilter/nfnetlink.h, NFNLGRP_NFTABLES).
const groupNFTables = 7

// Subscribe returns a channel that gets a value after a table of ours, or one
// whose name begins like ours, changed in the namespace (nil: the process's
// own): also when somebody reloads the host's rules and so removes all others.
// Changes of other tables do not wake. The channel is closed when ctx ends or
// the socket fails.
func Subscribe(ctx context.Context, ns *netns.NS) (<-chan struct{}, error) {
	var fd int
	err := ns.Run(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
		return err
	})
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, groupNFTables)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for changes of nftables: %w", err)
	}
	file := os.NewFile(uintptr(fd), "nfnetlink")
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

// listen reads notices until the file is closed. Every notice names its table;
// an overrun means that some were lost, which is reason enough to look.
func listen(file *os.File, wake chan<- struct{}) {
	buf := make([]byte, 64<<10)
	for {
		n, err := file.Read(buf)
		lost := errors.Is(err, unix.ENOBUFS)
		if err != nil && !lost {
			return
		}
		if !lost && !bytes.Contains(buf[:n], []byte(Prefix)) {
			continue
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
