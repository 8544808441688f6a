// Package dnsmasq is the driver of DHCP servers and router advertisements: one
// dnsmasq(8) for each VNet. It is a last stage of the one-way flow; package
// internal/render/dnsmasq renders what it writes.
//
// # Processes
//
// A dnsmasq is a process in its own session and, under systemd, in its own scope.
// It survives the agent; the next agent adopts it. It is identified by the
// configuration file on its command line. A note next to its PID file records how
// it was started: a digest of all configuration files, including the operator's
// own, and the index of the link. When that differs from what is wanted it is
// restarted, and so is one that died. Those of removed VNets are ended.
//
// # Changes
//
//   - New configuration is read by `dnsmasq --test` in a separate folder, together with
//     the operator's own files. If it is refused, nothing changes.
//   - Files are swapped while dnsmasq does not run, so that after a kill at any point in
//     between, no process runs with files other than those in its note. If the new
//     one does not start, the previous files are restored and it starts with them.
//   - Additional NICs are passed in a small file that dnsmasq reads without a signal, any
//     other change of them by a complete reload (SIGHUP). Leases stay.
//   - A lease that blocks the present address of a NIC is removed from the
//     lease file while dnsmasq does not run; all others stay.
package dnsmasq
