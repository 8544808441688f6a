// Package access implements access control: users with passwords, groups, roles, API
// tokens, and the rules that give a role on a path to one of them, with the terms and the
// semantics of Proxmox VE's user management, so that its clients log in unchanged.
//
// It is next to the one-way flow: the interfaces for people and programs check permissions
// with it before they read or edit anything. Its data is in the store, not in the
// configuration: changes take effect at once and a rollback does not affect them.
//
// Checks (Has, VerifyTicket, VerifyToken) use a copy in memory that follows the store;
// only changes and passwords cost more. Every change is a transaction on condition that
// all data is unchanged since the check, so no rule can remain that names a removed
// subject, regardless of which servers write at once.
package access
