// Package haproxy renders the configuration of HAProxy (https://docs.haproxy.org/2.6/) for
// the load balancers of a node, and reads what HAProxy's runtime API answers.
//
// It is between desired and the driver of load balancers in the one-way flow and is pure.
// One HAProxy serves all network namespaces of a node: the keyword namespace of a listener
// or server names its own.
//
// # Servers
//
// Servers change without a reload. HAProxy 2.6 cannot add one in another network namespace at
// run time ("'namespace' option is not accepted for dynamic server"), so every pool has some
// servers more than it needs, its slots, in maintenance: a new server is the address of a free
// slot. The names of slots are numbers, and what is in them is known by its address. Only a
// pool that has no free slot left needs a reload, which makes more of them.
//
// # Structure
//
// All that cannot change at run time is the structure of a configuration. Its digest is the
// description of the process, so that the process itself reports what it was started with.
package haproxy
