// Package rtnl speaks rtnetlink (rtnetlink(7)) fast: many requests go to the
// kernel in one system call, and a dump of thousands of objects is decoded
// without intermediate maps.
//
// It is the floor under the object drivers of the one-way flow and under the
// agent's facts. It knows nothing of Viaduct's objects: what is ours, what is
// wanted and what an error means is decided above.
//
// A Conn is bound to the network namespace it was opened in. Requests are built
// with NewMessage and the encoders of this package, and sent with Conn.Do,
// which tells the outcome of every single one.
package rtnl
