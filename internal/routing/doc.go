// Package routing defines what the routing suite FRR must do on one node, and turns it
// into FRR's configuration.
//
// It is between the packages that know the network (package compile for the live driver,
// package pve/render/frr for the file that Proxmox VE generates) and package frr, which
// knows the syntax of FRR. All look-ups are done when an Intent is made: addresses, peers
// and names are those of the one node. Build then decides only the configuration, so both
// ways give the same one and differ only where a Dialect specifies it. The package is
// pure.
//
// The configuration follows the Proxmox VE SDN manual, "EVPN Controller", "BGP
// Controller", "ISIS Controller" and "Fabrics".
package routing
