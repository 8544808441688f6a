// Package pveapi serves the part of Proxmox VE's HTTP API that is about networks
// and about logging in, below /api2/json, so that the clients people have for it
// work unchanged. What lies outside answers 501, as an unknown method does there.
//
// One table of operations says of each its method, path, parameters and who may
// call it. Decoding, checks of parameters and permissions, the form of errors and
// the documentation come from the table; a handler finds its parameters checked.
//
// It stands at the entrance of the one-way flow: package pve turns parameters into
// objects and back, package revision stores them, package access says who may.
package pveapi
