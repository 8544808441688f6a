// Package access says who may do what: users with passwords, groups, roles, API
// tokens, and the rules that give a role on a path to one of them, in the words
// and with the meaning of Proxmox VE's user management, so that its clients log in
// as they are used to.
//
// It stands beside the one-way flow: the interfaces for people and programs ask
// it before they read or edit anything. What it keeps is in the store, not in the
// configuration: it takes effect at once and no rollback touches it.
//
// Questions (Has, VerifyTicket, VerifyToken) are answered from a copy in memory
// that follows the store; only changes and passwords cost more. Every change is a
// transaction that demands the whole of what is kept to be what it was checked
// against, so no rule can be left that names somebody who is gone, whichever
// servers write at once.
package access
