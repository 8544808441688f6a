package agent

import (
	"errors"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// The messages about failures that drivers have no message of their own for.
var (
	msgKernelRefused = message.Define("kernel-refused",
		"{error}",
		"",
		"The kernel of the node refused a request. The text has its reason.")
	msgCommandFailed = message.Define("command-failed",
		"{error}",
		"",
		"A program that the agent uses is missing or failed. The text has its output.")
	msgApplyFailed = message.Define("apply-failed",
		"{error}",
		"",
		"Something on the node could not be read or changed. The agent tries again.")
)

// The messages about the agent itself.
var (
	msgDocumentUnusable = message.Define("document-unusable",
		"{error}",
		"",
		"The node's part of a revision cannot be used: it is damaged, or of a newer format than this agent knows. The node keeps what it has.")
	msgCertificateUnreadable = message.Define("certificate-unreadable",
		"the node's certificate cannot be read: {error}",
		"",
		"The agent needs its certificate to connect to servers, and renews it before it ends.")
)

// failure returns the message of a driver's error. Several errors have the code of the first
// one that has a definition.
func failure(err error) message.Message {
	var errno unix.Errno
	var exit *exec.ExitError
	var start *exec.Error
	switch {
	case errors.As(err, &errno):
		return message.FromError(err, msgKernelRefused)
	case errors.As(err, &exit), errors.As(err, &start):
		return message.FromError(err, msgCommandFailed)
	}
	return message.FromError(err, msgApplyFailed)
}

// The messages about what the node's networks depend on.
var (
	msgNoAdjacency = message.Define("no-adjacency",
		"has no {protocol} neighbour on interface {interface}: no router at the other end answers",
		"check that it runs, its FRR (systemctl status frr), and that nothing between the two is filtered",
		"The routing protocol of a fabric or an IS-IS controller has had no neighbour on a declared interface for 15 seconds.")
	msgNoSessionOnInterface = message.Define("no-bgp-session-on-interface",
		"has no BGP session on interface {interface}{reason}",
		"check the router at its other end: check that it runs, its FRR (systemctl status frr), and that nothing between the two is filtered",
		"An unnumbered BGP session of a fabric has been down for 15 seconds.")
	msgNoSession = message.Define("no-bgp-session",
		"has no BGP session with neighbour {peer}{reason}",
		"check that it runs, its FRR (systemctl status frr), and that nothing between the two is filtered (TCP port 179)",
		"A BGP session with a declared neighbour has been down for 15 seconds.")
	msgVTEPUnreachable = message.Define("vtep-unreachable",
		"does not reach the VTEP {vtep}: {reason}",
		"check that its host runs and the network between, or remove the address from peers",
		"The kernel or a router on the path answered a packet to another node's VTEP with an error.")
	msgFilterDropsFrames = message.Define("filter-drops-frames",
		"{chain}, drops frames between guests of {vnets}:",
		"let them pass, or remove it (nft list chain {chain-name})",
		"A chain of another program drops frames on bridges.")
	msgFilterDropsBridged = message.Define("filter-drops-bridged",
		"{chain}, drops what guests of {vnets} send each other, since frames of bridges pass it:",
		"sysctl -w {sysctl}=0, and in /etc/sysctl.d",
		"A filter of another program for routed packets also sees frames on bridges (br_netfilter).")
	msgFilterDropsRoutedIptables = message.Define("filter-drops-routed-iptables",
		"{chain}, drops what the node routes for guests of {vnets}:{owner}",
		"let it pass for each, {program} -I {into} -i {interface} -j ACCEPT; {program} -I {into} -o {interface} -j ACCEPT",
		"A chain of another program, like Docker, drops what the node routes for guests.")
	msgFilterDropsRouted = message.Define("filter-drops-routed",
		"{chain}, drops what the node routes for guests of {vnets}:",
		"let it pass for each, nft insert rule {chain-name} iifname {interface} accept; nft insert rule {chain-name} oifname {interface} accept",
		"A chain of another program drops what the node routes for guests.")
)
