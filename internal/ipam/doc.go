// Package ipam knows which address belongs to whom: it gives addresses to NICs, keeps
// them, registers them and their names with external systems, and tells nodes of them.
// It stands beside revision, whose subnets it gives addresses of, and above plugin and
// the packages of the external systems.
//
// # What is stored
//
//	ipam/address/<zone>/<address>   one address and whose it is
//	ipam/owner/<zone>/<owner>       the addresses of one owner: a hardware address,
//	                                or "<guest>.<nic>" where that is not known
//	ipam/intent/<id>                work at external systems that is under way
//	ipam/subnet/<zone>/<subnet>     what external systems were told of a subnet
//
// An allocation is one transaction on condition that the address has no record and
// that the owner's record is unchanged: so no address is given twice, and a NIC that
// joins twice at once gets its addresses once, whichever servers are asked. Which
// addresses are free, and whose the others are, is known in memory, from a watch of the
// addresses; a server that is late meets the condition and looks again.
//
// Gateways have no records: they follow from the subnets and are passed over. Nor has
// the built-in address management any of subnets. What no record speaks of cannot leak.
//
// # External systems
//
// They cannot take part in a transaction. Before anything is asked of them an intent is
// stored; it goes in the same transaction that makes the address. What is under way
// when a server is killed is undone, or finished, by whoever finds the intent later.
package ipam
