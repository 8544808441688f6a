// Package frr renders the configuration of FRR that Proxmox VE generates for
// a node, /etc/frr/frr.conf, byte for byte.
//
// It is next to package pve/render/interfaces: the input is the running configuration
// of Proxmox (package pve/running), the facts of one node and the operator's
// frr.conf.local. It makes the same look-ups as Proxmox, in the same way, and passes an
// intent in Proxmox's dialect to package routing. The package is pure.
package frr
