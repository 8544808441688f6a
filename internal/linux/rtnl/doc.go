// Package rtnl implements rtnetlink (rtnetlink(7)) efficiently: many requests go to the
// kernel in one system call, and a dump of thousands of objects is decoded without
// intermediate maps.
//
// It is the base of the object drivers of the one-way flow and of the agent's facts. It
// knows nothing of Viaduct's objects: callers decide which objects Viaduct owns, which are
// wanted and what an error means.
//
// A Conn is bound to the network namespace it was opened in. Requests are built with
// NewMessage and the encoders of this package, and sent with Conn.Do, which returns the
// outcome of every single one. Package conntrack speaks another netlink protocol by the same
// sockets and messages.
package rtnl
