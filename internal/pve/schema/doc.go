// Package schema speaks the words of Proxmox VE's SDN: the properties of its objects
// as its API, its section files and its running configuration have them, and
// turns them into the model's objects and back without losing how they were
// written.
//
// It stands at the entrance of the one-way flow, between the Proxmox API, the
// import and export of a configuration directory, and package model. It is pure.
//
// A table for each kind names its properties, their form, and which types of
// object take them; checks of requests, conversions, files and the documentation
// all come from it. The form of values, the errors' texts and the order of the
// checks are those that clients of Proxmox VE rely on (pve-network 1.3, and what
// later releases added).
//
// What the model says in fewer ways than Proxmox does (a property that is 0 or
// not set, an IPv6 address in capitals, the order of a list) is kept in the
// object's Written, word by word, and given back for as long as it means the
// object's value.
package schema
