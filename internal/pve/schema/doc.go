// Package schema defines the terms of Proxmox VE's SDN: the properties of its objects in
// its API, its section files and its running configuration. It converts them to the
// model's objects and back without loss of their spelling.
//
// It is at the entrance of the one-way flow, between the Proxmox API, the import and
// export of a configuration directory, and package model. It is pure.
//
// A table for each kind has its properties, their form, and the types of object that
// have them; checks of requests, conversions, files and the documentation are all
// derived from it. The form of values, the errors' texts and the order of the
// checks are those that clients of Proxmox VE rely on (pve-network 1.3, and the
// additions of later releases).
//
// A spelling that the model cannot represent (a property that is 0 or not set, an IPv6
// address in capitals, the order of a list) is kept verbatim in the object's ClientSpelling,
// and returned for as long as it matches the object's value.
package schema
