// Package model holds what an operator declares: the kinds of object, their
// properties, their defaults, and the rules they must keep.
//
// It is the first stage of Viaduct's one-way flow (model, compile, desired,
// diff, driver) and is pure: it imports the standard library only, does no I/O
// and reads no clock. Property names are those of the Proxmox VE SDN manual.
package model
