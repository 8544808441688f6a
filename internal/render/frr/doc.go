// Package frr writes configurations of FRR: a typed tree of the parts that Viaduct and
// Proxmox VE use, its text in Proxmox's layout, and its blocks as the live driver compares
// them. It also reads configurations as far as merging an operator's own file,
// frr.conf.local, needs.
//
// It is between package routing, which decides the configuration of FRR, and what applies
// it: the driver of FRR, or a file. It knows the syntax of FRR and not the purpose of its
// content. The package is pure.
//
// There are two ways to merge frr.conf.local. Config.MergeProxmox does it as Proxmox does,
// byte for byte, and loses what Proxmox loses. Complete loses nothing. The commands are
// those of FRR's user guide.
package frr
