// Package frr is the driver of FRR (https://docs.frrouting.org): it makes a
// running FRR, and the file it starts from, hold the lines that are wanted of
// it and leaves all others as they are.
//
// It is a last stage of the one-way flow, and compares three things: what
// Viaduct applied last (a state file), what is wanted, and what runs. A line is
// ours if we applied it and it was not there before; only such lines are ever
// removed, also inside a context that an operator shares with us. The state
// file holds the union of old and new before anything is applied, so a kill in
// between orphans nothing.
//
// # How a difference is removed
//
// The daemons tell what they run by the sockets that vtysh uses. The difference
// goes to them in one call of vtysh, or to bgpd itself if it is bgpd's alone,
// deletions first and backwards, so that what depends on a line goes before it. Then everything is read again: a line that FRR took
// but does not show is its default, and is remembered as applied for as long as
// the same daemons run; a line that another deletion took along is applied
// again; one that FRR refused is an error of its object. Last, frr.conf gets
// the same lines, so that a restart of FRR brings them back.
//
// Before any of this `vtysh -C` reads the lines to be added. It names a line
// that FRR does not know, which then is left out; if it is one of the operator's
// frr.conf.local, nothing at all is changed.
//
// # Why there are two drivers
//
// FRR and the kernel hold on to each other. bgpd must let go of a VRF and its
// VNIs before their devices vanish: `no router bgp N vrf X` is refused while
// the VRF has a VNI ("Please unconfigure l3vni"), and an instance that lost its
// device stays behind, dead. `no vrf X`, on the other hand, is refused as long
// as the device exists ("Only inactive VRFs can be deleted"), and fabricd takes
// an interface only once it is there. So Withdraw runs before the driver of
// links and removes what refers to VRFs and VNIs that go away, and the driver
// itself runs after the links.
//
// # Daemons
//
// Daemons that the configuration needs are switched on in FRR's file "daemons",
// and started without touching those that run. Under systemd a stopped FRR is
// started as the service frr; a daemon missing from a running one is started
// beside it, in a scope of its own, because the service's reload would run
// frr-reload.py and undo what operators have not saved. watchfrr watches such a
// daemon from FRR's next start on; until then the agent does. Daemons that
// Viaduct switched on are switched off again once nothing needs them.
package frr
