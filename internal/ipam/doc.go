// Package ipam manages which address belongs to which owner: it assigns addresses to NICs,
// keeps them, registers them and their names with external systems, and passes them to
// nodes. It is next to revision, which has the subnets, and above plugin and the packages
// of the external systems.
//
// # What is stored
//
//	ipam/address/<zone>/<address>   one address and its owner
//	ipam/owner/<zone>/<owner>       the addresses of one owner: a MAC address,
//	                                or "<guest>.<nic>" where that is not known
//	ipam/intent/<id>                work at external systems that is in progress
//	ipam/subnet/<zone>/<subnet>     what was registered with external systems for a subnet
//
// An allocation is one transaction on condition that the address has no record and that
// the owner's record is unchanged: so no address is assigned twice, and a NIC that joins
// twice at once gets its addresses once, regardless of which servers handle the requests.
// Which addresses are free, and who owns the others, is known in memory, from a watch of
// the addresses; a server that lags behind fails the condition and reads again.
//
// A NIC of a guest that gets another MAC address keeps its addresses: their records change
// in the transaction that stores the guest, so they always belong to the MAC address that
// it has.
//
// Gateways have no records: they follow from the subnets and are skipped. The built-in
// address management has no records of subnets either. What has no record cannot leak.
//
// # External systems
//
// They cannot take part in a transaction. Before any request to them an intent is stored;
// the transaction that makes the address deletes it. The intent to remove or to update an
// entry is stored with the change itself, and carried out afterwards. Work in progress when
// a server is killed is undone, or finished, by the process that finds the intent later.
package ipam
