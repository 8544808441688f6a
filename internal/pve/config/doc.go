// Package config reads and writes the configuration directory of Proxmox VE's SDN,
// /etc/pve/sdn: the section files of what is configured, and .running-config with
// what was applied last.
//
// It stands at the entrance of the one-way flow, for moving to Viaduct and back, and
// for what renders the files of a node as Proxmox would. It is pure: files come and
// go as texts by their names.
package config
