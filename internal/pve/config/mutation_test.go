package config

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// whole is a directory with every option and with firewalls, all of which can be taken.
func whole(t *testing.T) map[string]string {
	t.Helper()
	files := archive(t, "testdata/recorded.txtar", "testdata/firewalls.txtar", "testdata/wireguard.txtar")
	dir := Read(files)
	if take(t, dir, nil); dir.Findings() != nil {
		t.Fatal(dir.Findings())
	}
	return files
}

// A line that is damaged concerns the objects that it is of or that hang on them, and no
// others; something is told of it unless it means what it did; and no firewall lets more
// pass than before.
func TestOneDamagedLine(t *testing.T) {
	for _, policy := range []string{model.FirewallAccept, model.FirewallDrop} {
		t.Run(policy, func(t *testing.T) {
			files := whole(t)
			files[ClusterFirewall] = strings.Replace(files[ClusterFirewall], "policy_forward: ACCEPT", "policy_forward: "+policy, 1)
			oneDamagedLine(t, files)
		})
	}
}

func oneDamagedLine(t *testing.T, files map[string]string) {
	before := Read(files)
	take(t, before, nil)
	names := slices.Sorted(maps.Keys(files))
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom(names).Draw(r, "file")
		lines := strings.SplitAfter(strings.TrimSuffix(files[name], "\n"), "\n")
		at := rapid.IntRange(0, len(lines)-1).Draw(r, "line")
		changed, how := damage(r, lines[at])
		damaged := maps.Clone(files)
		damaged[name] = strings.Join(lines[:at], "") + changed + strings.Join(lines[at+1:], "")
		after := Read(damaged)
		take(t, after, nil)
		concerned := concerns(before, name, at+1, lines[at])
		for _, kind := range model.Kinds() {
			for _, o := range before.Config.List(kind) {
				ref := model.Ref(kind, o.ObjectID())
				if now := after.Config.Get(kind, o.ObjectID()); !concerned[ref] && !reflect.DeepEqual(o, now) {
					r.Fatalf("%s:%d %s to %q concerns %s: %+v became %+v\n%v", name, at+1, how, changed, ref, o, now, after.Findings())
				}
			}
		}
		if how == "garbage" && strings.TrimSpace(lines[at]) != "" && !slices.ContainsFunc(after.Findings(), func(f Finding) bool { return f.Left }) && reflect.DeepEqual(before.Config, after.Config) {
			r.Fatalf("%s:%d became %q, and nothing is told", name, at+1, changed)
		}
		if how == "garbage" && !sameFirewalls(before.Config, after.Config) {
			protected(r, before, after, fmt.Sprintf("%s:%d became %q", name, at+1, changed))
		}
	})
}

// protected finds out that no packet passes a firewall that did not before.
func protected(r *rapid.T, before, after *Directory, what string) {
	if all := after.Config.Firewalls[model.FirewallDatacenter]; all == nil || !all.Enable {
		r.Fatalf("%s, and all firewalls are off\n%v", what, after.Findings())
	}
	for id := range before.Config.Firewalls {
		if id != model.FirewallDatacenter && after.Config.VNets[id] == nil {
			continue
		}
		for _, p := range packets() {
			if !passes(before.Config, id, p) && passes(after.Config, id, p) {
				r.Fatalf("%s, and firewall %s lets pass %v\n%+v\n%v", what, id, p, after.Config.Firewalls[id], after.Findings())
			}
		}
	}
}

func sameFirewalls(a, b *model.Config) bool {
	return reflect.DeepEqual(a.Firewalls, b.Firewalls) && reflect.DeepEqual(a.SecurityGroups, b.SecurityGroups) && reflect.DeepEqual(a.IPSets, b.IPSets) && reflect.DeepEqual(a.Aliases, b.Aliases)
}

// damage changes a line: garbage is a character that nothing has outside of comments.
func damage(r *rapid.T, line string) (changed, how string) {
	how = rapid.SampledFrom([]string{"garbage", "garbage", "deleted", "twice", "commented", "blank", "returns"}).Draw(r, "how")
	text := strings.TrimRight(line, "\n")
	end := line[len(text):]
	switch how {
	case "deleted":
		return "", how
	case "twice":
		return line + line, how
	case "commented":
		return "#" + line, how
	case "blank":
		return "\n", how
	case "returns":
		return text + "\r" + end, how
	}
	body := strings.TrimLeft(text, "\t")
	comment := strings.IndexByte(body+"#", '#')
	i := rapid.IntRange(0, max(comment-1, 0)).Draw(r, "at")
	return text[:len(text)-len(body)] + body[:i] + "~" + body[i:] + end, how
}

// concerns are the objects that a line of a file is of, and all that refer to these.
func concerns(d *Directory, file string, line int, text string) map[string]bool {
	head := strings.HasPrefix(text, "[") // of all that follows
	out := map[string]bool{}
	for _, kind := range model.Kinds() {
		for _, o := range d.Config.List(kind) {
			ref := model.Ref(kind, o.ObjectID())
			at := d.places[ref]
			if at.file == file && (at.line == 0 || at.line <= line && !nextBegins(d, file, at.line, line) || head) || kind == model.KindRouteMap && file == fileRouteMaps {
				out[ref] = true
			}
		}
	}
	for range 5 { // what refers to what refers …
		for _, kind := range model.Kinds() {
			for _, o := range d.Config.List(kind) {
				for _, r := range references(o) {
					if out[model.Ref(r.Kind, r.ID)] {
						out[model.Ref(kind, o.ObjectID())] = true
					}
				}
				// Rules refer to sets of VNets, too; that of the prefix list to nothing of the kind.
				switch kind {
				case model.KindFirewall, model.KindSecurityGroup, model.KindIPSet:
					if f, is := o.(*model.Firewall); is && namesVNet(f, out) {
						out[model.Ref(kind, f.ID)] = true
					}
					if file == ClusterFirewall || strings.HasPrefix(file, "vnets") || file == fileZones {
						out[model.Ref(kind, o.ObjectID())] = true
					}
				case model.KindFabricNode: // whose peers may be others
					n := o.(*model.FabricNode)
					if slices.ContainsFunc(n.Peers, func(p model.FabricPeer) bool {
						return out[model.Ref(kind, model.FabricNodeID(n.Fabric, p.Node))]
					}) {
						out[model.Ref(kind, n.ID)] = true
					}
				case model.KindRouteMap:
					if file == filePrefixLists {
						out[model.Ref(kind, o.ObjectID())] = true
					}
				}
			}
		}
	}
	for ref := range maps.Clone(out) {
		if id, is := strings.CutPrefix(ref, "vnet/"); is {
			out["firewall/"+id] = true
		}
	}
	return out
}

// namesVNet reports whether a firewall has rules about sets of VNets that are concerned.
func namesVNet(f *model.Firewall, concerned map[string]bool) bool {
	return slices.ContainsFunc(f.Rules, func(r model.FirewallRule) bool {
		peers, _ := model.ParsePeers(r.Source + "," + r.Dest)
		return slices.ContainsFunc(peers, func(p model.Peer) bool {
			vnet, _, _, _ := model.SplitSDNSet(p.Set)
			return p.Scope == model.ScopeSDN && concerned[model.Ref(model.KindVNet, vnet)]
		})
	})
}

// nextBegins reports whether another object begins between two lines of a file, up to the
// second one.
func nextBegins(d *Directory, file string, from, to int) bool {
	for _, at := range d.places {
		if at.file == file && at.line > from && at.line <= to {
			return true
		}
	}
	return false
}

// packet is one that a VNet's firewall decides on.
type packet struct {
	from, to netip.Addr
	proto    int
	port     uint16
}

func packets() []packet {
	var out []packet
	for _, from := range []string{"10.0.1.1", "10.0.1.7", "10.0.1.77", "192.0.2.5", "192.0.2.9", "198.51.100.1", "203.0.113.4", "2001:db8::1"} {
		for _, to := range []string{"10.0.1.1", "10.0.1.8", "192.0.2.5", "198.51.100.1", "203.0.113.4", "2001:db8::2"} {
			for _, proto := range []int{model.ProtoTCP, model.ProtoUDP, model.ProtoICMP} {
				for _, port := range []uint16{22, 53, 80, 9100} {
					out = append(out, packet{netip.MustParseAddr(from), netip.MustParseAddr(to), proto, port})
				}
			}
		}
	}
	return out
}

// passes reports whether a packet passes a firewall, as nodes decide it: that of a VNet,
// or for what is routed that of the datacenter.
func passes(cfg *model.Config, id string, p packet) bool {
	f := cfg.Firewalls[id]
	if f == nil || !f.Enable {
		return true
	}
	switch decide(cfg, f.Rules, p) {
	case model.FirewallAccept:
		return true
	case "":
		return f.PolicyForward != model.FirewallDrop
	}
	return false
}

func decide(cfg *model.Config, rules []model.FirewallRule, p packet) string {
	for _, r := range rules {
		switch {
		case r.Disable || r.IFace != "":
		case r.Type == model.RuleGroup:
			if what := decide(cfg, cfg.SecurityGroups[r.Action].Rules, p); what != "" {
				return what
			}
		case r.Type == model.RuleForward && among(cfg, r.Source, p.from) && among(cfg, r.Dest, p.to) && spoken(r, p):
			return r.Action
		}
	}
	return ""
}

// among reports whether an address is of a rule's source or destination.
func among(cfg *model.Config, text string, a netip.Addr) bool {
	peers, _ := model.ParsePeers(text)
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p model.Peer) bool { return means(cfg, p, a) })
}

func means(cfg *model.Config, p model.Peer, a netip.Addr) bool {
	within := func(r model.Range) bool { return r.Start.Is4() == a.Is4() && !a.Less(r.Start) && !r.End.Less(a) }
	switch {
	case p.Alias != "":
		r, _ := model.ParseAddresses(cfg.Aliases[p.Alias].CIDR)
		return within(r)
	case p.Scope == model.ScopeSDN:
		vnet, _, _, _ := model.SplitSDNSet(p.Set)
		return slices.ContainsFunc(cfg.List(model.KindSubnet), func(o model.Object) bool {
			s := o.(*model.Subnet)
			return s.VNet == vnet && s.CIDR.Contains(a)
		})
	case p.Set != "":
		in := false
		for _, e := range cfg.IPSets[p.Set].Entries {
			one, _ := model.ParsePeer(e.CIDR)
			if hit := means(cfg, one, a); hit && e.NoMatch {
				return false
			} else if hit {
				in = true
			}
		}
		return in
	}
	return within(p.Range)
}

// spoken reports whether a rule is about a packet's protocol and port.
func spoken(r model.FirewallRule, p packet) bool {
	parts := []model.FirewallRule{r}
	if m, ok := model.FindMacro(r.Macro); ok {
		parts = m.Matches()
	}
	return slices.ContainsFunc(parts, func(r model.FirewallRule) bool {
		if r.Proto == "" {
			return true
		}
		n, _ := model.ParseProtocol(r.Proto)
		ports, _ := model.ParsePorts(r.Dport)
		return n == p.proto && (r.Dport == "" || slices.ContainsFunc(ports, func(x model.Ports) bool { return x.First <= p.port && p.port <= x.Last }))
	})
}

func (p packet) String() string {
	return fmt.Sprintf("%s -> %s protocol %d port %d", p.from, p.to, p.proto, p.port)
}
