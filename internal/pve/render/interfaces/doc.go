// Package interfaces renders a node's network as the file that Proxmox VE generates
// for it, /etc/network/interfaces.d/sdn, byte for byte.
//
// It is parallel to package compile: the input is the running configuration of
// Proxmox (package pve/running) and the facts of one node, the output is text
// instead of desired state. Both are separate on purpose: the file has the
// form and the limits of the other system (an MTU of 1450 for any
// underlay, SNAT to an address determined at generation time), while the
// drivers apply the current state. The package is pure.
//
// The keywords are those of interfaces(5) and of ifupdown2's
// ifupdown-addons-interfaces(5).
package interfaces
