// Package conntrack lists, removes and restores entries of the kernel's connection tracking
// in one network namespace, with their address translation, so that established connections
// survive a move of a guest or the loss of a gateway.
//
// It speaks ctnetlink (linux/netfilter/nfnetlink_conntrack.h) over the sockets of package
// rtnl, many requests in one system call. Libraries for it exist (github.com/ti-mo/conntrack
// 0.6, github.com/vishvananda/netlink 1.3); neither writes the translation of an entry.
//
// # Translation
//
// An entry holds the tuples of both directions. The addresses and ports at which they are not
// each other's inverse are translated: the destination of the reply is the source that a
// connection has after SNAT, its source the destination after DNAT. Restore has the kernel set
// up just that translation (CTA_NAT_SRC, CTA_NAT_DST); it takes effect on packets only where
// the namespace has a chain of type nat, which registers the kernel's hooks.
//
// # State of TCP
//
// Sequence numbers are not part of what the kernel lists. A restored TCP entry is liberal
// (IP_CT_TCP_FLAG_BE_LIBERAL): its packets are not checked against windows.
//
// # Not restored
//
// Expectations and sequence adjustments of helpers (FTP, SIP), labels, and the state of SCTP
// and DCCP: Restore refuses their entries.
package conntrack
