// Package dnsmasq renders the configuration of dnsmasq (dnsmasq(8)) for the DHCP
// server of a zone, and reads what dnsmasq writes: its leases.
//
// It stands between desired and the driver of DHCP servers in the one-way flow and
// is pure. A zone has a folder of files, named as far as possible as Proxmox VE
// names them:
//
//	00-default.conf   what holds for the zone
//	10-<vnet>.conf    what is served on a VNet
//	ethers-<vnet>     the NICs that are known there, read again on SIGHUP
//
// Every other file that ends in .conf, such as 90-local.conf, is the operator's.
// dnsmasq reads it after ours and it is never changed.
//
// # What differs from Proxmox VE
//
//   - Each VNet has a dnsmasq of its own, not each zone, and so hosts and leases of its
//     own. Only one that serves a single link binds its sockets to it. One that serves
//     several answers a guest that renews its lease by the node's main routing table,
//     which does not know the networks of VRFs nor of VNets without a gateway here, and
//     shares what guests send to it alone with all others on the node.
//   - A network without a gateway is served without one; of Proxmox VE's files one of
//     IPv4 has a broken line then, and IPv6 is left out.
//   - dnsmasq answers no DNS (port=0): names come from elsewhere.
//   - Leases end, after StaticLease or DynamicLease. Guests then learn of changes,
//     and an address that was given to another NIC does not stay with its old one.
//   - A guest that moved here, or whose lease this node does not know for another
//     reason, is told what it has: dhcp-authoritative, and for DHCPv6 the same server
//     identifier on all nodes.
package dnsmasq
