package nft

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
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
	// Every notice names its table.
	wake, err := ns.Notices(ctx, unix.NETLINK_NETFILTER, []int{groupNFTables}, func(datagram []byte) bool {
		return bytes.Contains(datagram, []byte(Prefix))
	})
	if err != nil {
		return nil, fmt.Errorf("listen for changes of nftables: %w", err)
	}
	return wake, nil
}
