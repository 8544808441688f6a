// Package frr renders the configuration of FRR that Proxmox VE generates for
// a node, /etc/frr/frr.conf, byte for byte.
//
// It stands beside package pve/render/interfaces: what goes in is the running configuration
// of Proxmox (package pve/running), the facts of one node and the operator's
// frr.conf.local. It looks everything up that Proxmox looks up, as Proxmox does
// it, and hands an intent in Proxmox's dialect to package routing. The package
// is pure.
package frr
