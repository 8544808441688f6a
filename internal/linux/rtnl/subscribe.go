package rtnl

import (
	"context"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// Subscribe returns a channel that gets a value after links, addresses, routes, rules,
// static forwarding entries or whether an interface forwards (RTM_NEWNETCONF) changed in
// the namespace (nil: the process's own). It holds at most one value: any number of
// changes before it is read are one wake-up, and so are changes that the kernel could not
// report because there were too many. The process's own changes wake too. The channel is
// closed when ctx ends or the socket fails.
func Subscribe(ctx context.Context, ns *netns.NS) (<-chan struct{}, error) {
	wake, err := ns.Notices(ctx, unix.NETLINK_ROUTE, []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_NEIGH, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_NETCONF, unix.RTNLGRP_IPV6_NETCONF,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
	}, relevant)
	if err != nil {
		return nil, fmt.Errorf("listen for changes of the network: %w", err)
	}
	return wake, nil
}

// relevant reports whether a datagram is about anything that a driver reads. Learned
// forwarding entries and ARP change with traffic: they must not wake anybody.
func relevant(b []byte) bool {
	found := false
	err := split(b, func(h header, payload []byte) {
		if h.typ != unix.RTM_NEWNEIGH && h.typ != unix.RTM_DELNEIGH {
			found = true
			return
		}
		if len(payload) < unix.SizeofNdMsg {
			return
		}
		// An entry of a routing suite was removed: see driver/frr, keeper.
		found = found || h.typ == unix.RTM_DELNEIGH && payload[10]&unix.NTF_EXT_LEARNED != 0
		if payload[0] != unix.AF_BRIDGE {
			return
		}
		state := binary.NativeEndian.Uint16(payload[8:])
		found = found || state&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0
	})
	return found || err != nil
}
