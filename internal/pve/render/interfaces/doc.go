// Package interfaces renders the network that a node gets as the file that Proxmox VE
// generates for it, /etc/network/interfaces.d/sdn, byte for byte.
//
// It stands beside compile: what goes in is the running configuration of
// Proxmox (package pve/running) and the facts of one node, what comes out is text
// instead of desired state. Both are kept apart on purpose: the file has the
// form and the limits of the other system (an MTU of 1450 whatever the
// underlay has, SNAT to an address found when the file was made), while the
// drivers do what is right today. The package is pure.
//
// The keywords are those of interfaces(5) and of ifupdown2's
// ifupdown-addons-interfaces(5).
package interfaces
