// Package frr writes configurations of FRR: a typed tree of what Viaduct and
// Proxmox VE use of it, its text as Proxmox lays it out, and its blocks as the
// live driver compares them. It also reads configurations as far as merging an
// operator's own file, frr.conf.local, needs.
//
// It stands between package routing, which decides what FRR shall do, and what
// puts it into effect: the driver of FRR, or a file. It knows how FRR writes
// things and never what for. The package is pure.
//
// There are two ways to merge frr.conf.local. Config.MergeProxmox does it as
// Proxmox does, byte for byte, and loses what Proxmox loses. Complete loses
// nothing. The commands are those of FRR's user guide.
package frr
