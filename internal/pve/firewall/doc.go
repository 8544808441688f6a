// Package firewall reads and writes the firewall files of Proxmox VE that concern
// networks: cluster.fw, which has the switch of all, the aliases, the IP sets and the
// security groups, and a file for each VNet (Proxmox VE manual, "Firewall",
// "Configuration Files").
//
// It stands at the entrance of the one-way flow, between the import and export of a
// configuration directory and package model. It is pure.
//
// What the model has no word for, such as the rules of nodes and options of guests, is
// kept line by line, section by section, and written again as it was.
package firewall
