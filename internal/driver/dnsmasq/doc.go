// Package dnsmasq is the driver of DHCP servers and router advertisements: one
// dnsmasq(8) for each VNet. It is a last stage of the one-way flow; package
// internal/render/dnsmasq renders what it writes.
//
// # Processes
//
// A dnsmasq is a process of its own session and, under systemd, of its own scope. It
// goes on when the agent ends; the next one adopts it. It is known by the file that
// its command line names. What it was started with is noted beside its process
// number: a digest of all files of configuration, the operator's own among them, and
// the index of the link. When that is no longer what is wanted it is started again,
// and so is one that died. Those of VNets that are gone are ended.
//
// # Changes
//
//   - New configuration is read by `dnsmasq --test` in a folder beside, together with
//     the operator's own files. What it refuses changes nothing.
//   - Files are swapped while dnsmasq does not run, so that whatever is killed in
//     between, no process runs with other files than those of its note. If the new
//     one does not start, the files from before come back and it starts with them.
//   - More NICs alone are told by a small file that dnsmasq reads by itself, any
//     other change of them by reading all again (SIGHUP). Leases stay.
//   - A lease that keeps an address from the NIC that has it now is taken out of the
//     file of leases while dnsmasq does not run; no other is.
package dnsmasq
