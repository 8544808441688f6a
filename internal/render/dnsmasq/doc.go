// Package dnsmasq renders the configuration of dnsmasq (dnsmasq(8)) for the DHCP server of
// a zone, and reads what dnsmasq writes: its leases.
//
// It is between desired and the driver of DHCP servers in the one-way flow and is pure. A
// zone has a folder of files, named as far as possible as Proxmox VE names them:
//
//	00-default.conf   settings of the zone
//	10-<vnet>.conf    settings of a VNet
//	ethers-<vnet>     the known NICs of the VNet, read again on SIGHUP
//
// Every other file that ends in .conf, such as 90-local.conf, belongs to the operator.
// dnsmasq reads it after Viaduct's files and Viaduct never changes it.
//
// # What differs from Proxmox VE
//
//   - Each VNet has its own dnsmasq, rather than each zone, and so hosts and leases of its
//     own. Only a dnsmasq that serves a single link binds its sockets to it. One that serves
//     several answers a guest that renews its lease by the node's main routing table,
//     which does not know the networks of VRFs nor of VNets without a gateway here, and
//     shares the unicast traffic of guests with all others on the node.
//   - A network without a gateway is served without one; of Proxmox VE's files one of
//     IPv4 has a broken line then, and IPv6 is left out.
//   - dnsmasq answers no DNS (port=0): another server does.
//   - Leases end, after StaticLease or DynamicLease. Guests then learn of changes,
//     and an address that was assigned to another NIC does not stay with its old one.
//   - A guest that moved here, or has a lease that this node does not know for another
//     reason, gets its address confirmed: dhcp-authoritative, and for DHCPv6 the same server
//     identifier on all nodes.
package dnsmasq
