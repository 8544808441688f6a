package agent

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/florianl/go-nflog/v2"
	"golang.org/x/time/rate"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// Bounds of the log of firewalls: how many entries are kept, and how many are read a second.
// More are left out; the rate limit of the datacenter's firewall is usually far below.
const (
	maxLogEntries    = 1000
	maxLogRate       = 200
	logSnapshot      = 96 // bytes of a packet that are read: the headers
	logRetry         = 10 * time.Second
	logPrefix        = "viaduct: "
	minIPv4, minIPv6 = 20, 40
)

// firewallLog holds the newest packets that rules of firewalls logged.
type firewallLog struct {
	ring[livequery.FirewallLogEntry]
	// sequence is the number of the last entry: one goroutine reads and numbers them.
	sequence uint64
	limit    *rate.Limiter
}

func newFirewallLog() *firewallLog {
	return &firewallLog{ring: ring[livequery.FirewallLogEntry]{most: maxLogEntries}, limit: rate.NewLimiter(maxLogRate, maxLogRate)}
}

// add numbers an entry and adds it.
func (l *firewallLog) add(e livequery.FirewallLogEntry) {
	l.sequence++
	e.Sequence = l.sequence
	l.ring.add(e)
}

// FirewallLogger is a System that reads what firewalls log.
type FirewallLogger interface {
	// FollowFirewallLog reads until ctx ends.
	FollowFirewallLog(ctx context.Context)
	// FirewallLog returns the newest entries, newest first.
	FirewallLog() []livequery.FirewallLogEntry
}

var _ FirewallLogger = (*Host)(nil)

// FirewallLog implements FirewallLogger.
func (h *Host) FirewallLog() []livequery.FirewallLogEntry { return h.logged.newest() }

// FollowFirewallLog implements FirewallLogger. Without the kernel's support nothing is
// logged for programs.
func (h *Host) FollowFirewallLog(ctx context.Context) {
	if !h.features[model.FeatureNFTLog] {
		return
	}
	for ctx.Err() == nil {
		if err := h.logged.follow(ctx); err == nil {
			<-ctx.Done()
			return
		}
		sleep.Context(ctx, logRetry) // another program has the group
	}
}

// follow registers a reader of the group, which works until ctx ends.
func (l *firewallLog) follow(ctx context.Context) error {
	reader, err := nflog.Open(&nflog.Config{Group: desired.LogGroup, Copymode: nflog.CopyPacket, Bufsize: logSnapshot})
	if err != nil {
		return err
	}
	err = reader.RegisterWithErrorFunc(ctx, func(a nflog.Attribute) int {
		if l.limit.Allow() {
			if e, ok := logEntry(&a, interfaceName); ok {
				l.add(e)
			}
		}
		return 0
	}, func(error) int { return 0 }) // entries were lost: the kernel's buffer is full
	if err != nil {
		_ = reader.Close()
	}
	return err
}

func interfaceName(index uint32) string {
	if index == 0 {
		return ""
	}
	i, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return fmt.Sprintf("if%d", index)
	}
	return i.Name
}

// logEntry reads what the kernel logged of a packet; ok is false if it is not of a firewall.
func logEntry(a *nflog.Attribute, name func(uint32) string) (e livequery.FirewallLogEntry, ok bool) {
	if a.Prefix == nil {
		return e, false
	}
	text, ours := strings.CutPrefix(strings.TrimRight(*a.Prefix, ": \x00"), logPrefix)
	if !ours {
		return e, false
	}
	e.Time, e.Rule, e.Verdict = time.Now().UTC(), text, model.FirewallDrop
	for _, verdict := range []string{model.FirewallAccept, model.FirewallDrop, model.FirewallReject} {
		if rule, is := strings.CutSuffix(text, " "+verdict); is {
			e.Rule, e.Verdict = rule, verdict
		}
	}
	index := func(list ...*uint32) string {
		for _, i := range list {
			if i != nil && *i != 0 {
				return name(*i)
			}
		}
		return ""
	}
	e.In, e.Out = index(a.PhysInDev, a.InDev), index(a.PhysOutDev, a.OutDev)
	if a.Payload != nil {
		readHeaders(&e, *a.Payload)
	}
	return e, true
}

// readHeaders reads the addresses and the ports of an IP packet (RFC 791, RFC 8200), as far as
// they are there. Extension headers of IPv6 are not followed.
func readHeaders(e *livequery.FirewallLogEntry, b []byte) {
	if len(b) < minIPv4 {
		return
	}
	var protocol int
	var rest []byte
	switch version := b[0] >> 4; {
	case version == 4:
		protocol = int(b[9])
		e.Source, e.Destination = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		if header := int(b[0]&0xf) * 4; header >= minIPv4 && header <= len(b) && binary.BigEndian.Uint16(b[6:])&0x1fff == 0 { // not a later fragment
			rest = b[header:]
		}
	case version == 6 && len(b) >= minIPv6:
		protocol = int(b[6])
		e.Source, e.Destination = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		rest = b[minIPv6:]
	default:
		return
	}
	e.Protocol = strconv.Itoa(protocol)
	for _, name := range []string{"icmp", "tcp", "udp", "icmpv6", "sctp"} {
		if n, _ := model.ParseProtocol(name); n == protocol {
			e.Protocol = name
		}
	}
	if model.HasPorts(protocol) && len(rest) >= 4 {
		e.SourcePort, e.DestinationPort = int(binary.BigEndian.Uint16(rest)), int(binary.BigEndian.Uint16(rest[2:]))
	}
}

// listNodeFirewallLog are the entries of all VNets.
func listNodeFirewallLog(_ context.Context, r FirewallLogger, doc *document.Document, _ string) ([]livequery.FirewallLogEntry, error) {
	out := r.FirewallLog()
	ports, addresses := guestPorts(doc), guestAddresses(doc)
	for i := range out {
		e := &out[i]
		e.VNet = vnetOfEntry(e, doc, ports)
		e.Guests = guestsOfEntry(e, ports, addresses)
	}
	return out, nil
}

// listFirewallLog are the entries of a VNet.
func listFirewallLog(ctx context.Context, r FirewallLogger, doc *document.Document, vnet string) ([]livequery.FirewallLogEntry, error) {
	if doc.Config.VNets[vnet] == nil {
		return nil, fmt.Errorf("vnet %s is not on this node", vnet)
	}
	all, err := listNodeFirewallLog(ctx, r, doc, "")
	return slices.DeleteFunc(all, func(e livequery.FirewallLogEntry) bool { return e.VNet != vnet }), err
}

// place is a guest's part in a VNet.
type place struct{ vnet, guest string }

// guestPorts are the guests' ports on the node, by name.
func guestPorts(doc *document.Document) map[string]place {
	out := map[string]place{}
	for id, g := range doc.Guests {
		for _, nic := range g.NICs {
			for _, name := range naming.GuestPorts(id, nic.ID) {
				out[name] = place{nic.VNet, id}
			}
		}
	}
	return out
}

// vnetAddress is an address in a VNet: other VNets may have it too.
type vnetAddress struct {
	vnet    string
	address netip.Addr
}

// guestAddresses are the guests of the node by their declared addresses.
func guestAddresses(doc *document.Document) map[vnetAddress]string {
	out := map[vnetAddress]string{}
	for id, g := range doc.Guests {
		for _, nic := range g.NICs {
			for _, ip := range nic.IPs {
				out[vnetAddress{nic.VNet, ip}] = id
			}
		}
	}
	return out
}

// guestsOfEntry are the guests that a packet comes from and goes to, as far as the node has them.
func guestsOfEntry(e *livequery.FirewallLogEntry, ports map[string]place, addresses map[vnetAddress]string) []string {
	guests := []string{ports[e.In].guest, ports[e.Out].guest}
	for _, vnet := range []string{e.VNet, e.In, e.Out} { // the bridge of a VNet has its name
		guests = append(guests, addresses[vnetAddress{vnet, e.Source}], addresses[vnetAddress{vnet, e.Destination}])
	}
	guests = slices.DeleteFunc(guests, func(g string) bool { return g == "" })
	slices.Sort(guests)
	return slices.Compact(guests)
}

// vnetOfEntry is the VNet whose rule decided; for rules of groups, of the datacenter and for
// filters of senders the one that the packet comes from or goes to.
func vnetOfEntry(e *livequery.FirewallLogEntry, doc *document.Document, ports map[string]place) string {
	ref, _ := model.ParseRuleName(e.Rule)
	if kind, id, _ := strings.Cut(ref, "/"); kind == string(model.KindFirewall) && id != model.FirewallDatacenter {
		return id
	}
	for _, link := range []string{e.In, e.Out} {
		if doc.Config.VNets[link] != nil {
			return link
		}
		if p, ok := ports[link]; ok {
			return p.vnet
		}
	}
	return ""
}
