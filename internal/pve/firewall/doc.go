// Package firewall reads and writes the firewall files of Proxmox VE that concern
// networks: cluster.fw, with the cluster-wide enable switch, the aliases, the IP sets and
// the security groups, and a file for each VNet (Proxmox VE manual, "Firewall",
// "Configuration Files").
//
// It is at the entrance of the one-way flow, between the import and export of a
// configuration directory and package model. It is pure.
//
// What the model cannot represent, such as the rules of nodes and options of guests, is
// kept by line and section, and written back unchanged.
package firewall
