// Package frr is the driver of FRR (https://docs.frrouting.org): it makes a running
// FRR, and the file that it starts from, hold the wanted lines and leaves all
// others unchanged.
//
// It is a last stage of the one-way flow, and compares three things: the lines that
// Viaduct applied last (a state file), the wanted ones, and the running
// configuration. Viaduct owns a line if it applied it and the line did not exist
// before; only such lines are ever removed, also inside a context that an operator
// shares with Viaduct. The state file holds the union of old and new before
// anything is applied, so a kill in between orphans nothing.
//
// # How a difference is removed
//
// The daemons show their running configuration on the sockets that vtysh uses. The difference
// is sent to them in one call of vtysh, or to bgpd directly if it concerns only bgpd, deletions
// first and backwards, so that lines are removed before the lines they depend on. Then
// everything is read again: a line that FRR accepted but does not show is its default, and is
// remembered as applied for as long as the same daemons run; a line that another deletion
// removed is applied again; a refused line is an error of its object. Last, frr.conf gets the
// same lines, so that they survive a restart of FRR.
//
// Before any of this `vtysh -C` parses the lines to be added. It names a line that
// FRR does not know, which is then left out; if it is one of the operator's
// frr.conf.local, nothing at all is changed.
//
// # Why there are two drivers
//
// FRR and the kernel depend on each other. bgpd must release a VRF and its VNIs
// before their devices are deleted: `no router bgp N vrf X` is refused while the
// VRF has a VNI ("Please unconfigure l3vni"), and an instance that lost its device
// remains, unusable. `no vrf X`, on the other hand, is refused as long as the
// device exists ("Only inactive VRFs can be deleted"), and fabricd accepts an
// interface only once it exists. So Withdraw runs before the link driver and
// removes the lines that refer to VRFs and VNIs to be deleted, and the driver
// itself runs after the link driver.
//
// # Daemons
//
// Daemons that the configuration needs are enabled in FRR's file "daemons", and
// started without touching running ones. Under systemd a stopped FRR is started as
// the service frr; a daemon missing from a running FRR is started separately, in a
// scope of its own, because the service's reload would run frr-reload.py and undo
// changes that operators have not saved. watchfrr watches such a daemon from FRR's
// next start on; until then the agent does. Daemons that Viaduct enabled are
// disabled again once nothing needs them.
package frr
