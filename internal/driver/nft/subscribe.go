package nft

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// groupNFTables is the multicast group on which the kernel tells changes of
// rules (linux/netfilter/nfnetlink.h, NFNLGRP_NFTABLES).
const groupNFTables = 7

// Events implements driver.Eventful. It tells of tables of ours, and of those whose name
// begins like ours: also when somebody reloads the host's rules and so removes all others.
// Changes of other tables do not wake. The channel is closed when ctx ends or
// the socket fails.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	// Every notice names its table.
	wake, err := d.ns.Notices(ctx, unix.NETLINK_NETFILTER, []int{groupNFTables}, func(datagram []byte) bool {
		return bytes.Contains(datagram, []byte(Prefix))
	})
	if err != nil {
		return nil, fmt.Errorf("listen for changes of nftables: %w", err)
	}
	return wake, nil
}
