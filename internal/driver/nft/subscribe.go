package nft

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// groupNFTables is the multicast group on which the kernel notifies of changes of
// rules (linux/netfilter/nfnetlink.h, NFNLGRP_NFTABLES).
const groupNFTables = 7

// Events implements driver.Eventful. It reports changes of owned tables, and of those with the
// same name prefix: also when somebody reloads the host's rules and so removes all others.
// Changes of other tables are ignored. The channel is closed when ctx ends or the socket fails.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	// Every notification names its table.
	wake, err := d.ns.Notices(ctx, unix.NETLINK_NETFILTER, []int{groupNFTables}, func(datagram []byte) bool {
		return bytes.Contains(datagram, []byte(Prefix))
	})
	if err != nil {
		return nil, fmt.Errorf("listen for changes of nftables: %w", err)
	}
	return wake, nil
}
