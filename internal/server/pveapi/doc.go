// Package pveapi serves the part of Proxmox VE's HTTP API that is about networks
// and about logging in, below /api2/json, so that existing clients work unchanged.
// Other paths answer 501, as an unknown method does in Proxmox VE.
//
// One table has for each operation its method, path, parameters and permission.
// Decoding, checks of parameters and permissions, the form of errors and the
// documentation come from the table; a handler gets parameters that are checked.
//
// It is at the entrance of the one-way flow: package pve converts parameters to objects
// and back, package revision stores them, package access decides on permissions.
package pveapi
