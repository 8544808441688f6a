// Package config reads and writes the configuration directory of Proxmox VE's SDN,
// /etc/pve/sdn: the section files of what is configured, and .running-config with
// what was applied last.
//
// It is at the entrance of the one-way flow, for migration to Viaduct and back, and for
// rendering a node's files as Proxmox would. It is pure: files are passed as texts by
// name.
package config
