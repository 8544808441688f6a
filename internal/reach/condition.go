package reach

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// field is the value of a packet that a condition is about. A packet without the field, such
// as a TCP packet for a type of ICMP, matches no condition on it.
type field struct {
	text string
	addr netip.Addr
	has  bool
}

func text(s string) field          { return field{text: s, has: true} }
func number(n int) field           { return text(strconv.Itoa(n)) }
func addr(a netip.Addr) field      { return field{text: a.String(), addr: a, has: true} }
func only(has bool, f field) field { f.has = f.has && has; return f }

// twoWords are the first words of fields that have two.
var twoWords = []string{"meta", "ip", "ip6", "ether", "th", "udp", "icmp", "icmpv6", "ct", "fib", "arp", "tcp"}

// condition evaluates the condition that begins with a word: "ip saddr != @set". A vmap gives
// the statement. known is false for words that are not understood.
func (r *run) condition(word string, words *scanner, s *statement) (ok, known bool) {
	var fields []field
	for {
		f, known := r.field(word, words)
		if !known {
			return false, false
		}
		fields = append(fields, f)
		if !words.skip(".") {
			break
		}
		word = words.next()
	}
	if words.skip("vmap") {
		return r.vmap(fields, words.next(), s)
	}
	negated := words.skip("!=")
	value := words.next()
	for _, f := range fields {
		if !f.has {
			return false, true
		}
	}
	ok, known = r.holds(fields, value)
	return ok != negated, known
}

// field reads the name of a field that begins with a word.
func (r *run) field(word string, words *scanner) (field, bool) {
	if slices.Contains(twoWords, word) {
		word += " " + words.next()
	}
	p := r.packet
	v4 := p.Src.Is4()
	ports := model.HasPorts(p.Proto)
	switch word {
	case "iifname":
		return text(p.In), true
	case "oifname":
		return text(p.Out), true
	case "iifgroup":
		return group(p.InOurs), true
	case "oifgroup":
		return group(p.OutOurs), true
	case "meta ibrname":
		return text(p.Bridge), true
	case "meta sdifname":
		return text(p.Member), true
	case "ip saddr", "ip6 saddr":
		return only(v4 == (word == "ip saddr"), addr(p.Src)), true
	case "ip daddr", "ip6 daddr":
		return only(v4 == (word == "ip daddr"), addr(p.Dst)), true
	case "ether saddr":
		return only(p.MAC != "", text(p.MAC)), true
	case "ether daddr":
		return only(p.ToMAC != "", text(p.ToMAC)), true
	case "ether type", "meta protocol":
		if v4 {
			return text("ip"), true
		}
		return text("ip6"), true
	case "meta l4proto":
		return number(p.Proto), true
	case "th sport", "udp sport":
		return only(ports && (word == "th sport" || p.Proto == model.ProtoUDP), number(int(p.SrcPort))), true
	case "th dport", "udp dport":
		return only(ports && (word == "th dport" || p.Proto == model.ProtoUDP), number(int(p.DstPort))), true
	case "icmp type":
		return only(p.Proto == model.ProtoICMP, number(p.ICMPType)), true
	case "icmpv6 type":
		return only(p.Proto == model.ProtoICMPv6, number(p.ICMPType)), true
	case "icmp code":
		return only(p.Proto == model.ProtoICMP, number(0)), true
	case "icmpv6 code":
		return only(p.Proto == model.ProtoICMPv6, number(0)), true
	case "ct state":
		return text(p.connection()), true
	case "fib daddr":
		words.next() // type
		if p.Local {
			return text("local"), true
		}
		return text("unicast"), true
	case "arp saddr", "arp daddr":
		words.next()
		return field{}, true // the packet is of IP
	case "tcp flags":
		// The first packet of a connection has SYN alone, its reply ACK too.
		flags := "syn"
		if p.Reply {
			flags = "syn | ack"
		}
		return only(p.Proto == model.ProtoTCP, text(flags)), words.skip("& (syn | ack)")
	}
	return field{}, false
}

// connection is the state of the packet's connection on a node (ct state of nft(8)).
func (p *Packet) connection() string {
	switch {
	case p.Reply && p.Established:
		return "established"
	case p.Reply && p.Proto == model.ProtoTCP:
		return "invalid" // a SYN with ACK of an unknown connection
	}
	return "new"
}

func group(ours bool) field {
	if ours {
		return number(desired.LinkGroup)
	}
	return number(0)
}

// vmap looks the packet up in a map of verdicts.
func (r *run) vmap(fields []field, value string, s *statement) (ok, known bool) {
	for _, element := range r.elements(value) {
		key, verdict, isMap := strings.Cut(element, " : ")
		if !isMap || !matches(fields, key) {
			continue
		}
		w := strings.Fields(verdict)
		s.verdict = w[0]
		if len(w) > 1 {
			s.target = w[1]
		}
		return true, true
	}
	return false, true
}

// holds reports whether the fields are, or are in, a value.
func (r *run) holds(fields []field, value string) (ok, known bool) {
	if strings.HasPrefix(value, "@") && r.set(value[1:]) == nil {
		return false, false
	}
	return slices.ContainsFunc(r.elements(value), func(e string) bool { return matches(fields, e) }), true
}

// elements are those of a value: of a set, of a list in braces or separated by commas, or
// the value itself.
func (r *run) elements(value string) []string {
	if name, ok := strings.CutPrefix(value, "@"); ok {
		if s := r.set(name); s != nil {
			return s.Elements
		}
		return nil
	}
	if inner, ok := strings.CutPrefix(value, "{"); ok {
		out := strings.Split(strings.TrimSuffix(inner, "}"), ",")
		for i := range out {
			out[i] = strings.TrimSpace(out[i])
		}
		return out
	}
	return strings.Split(value, ",")
}

func (r *run) set(name string) *desired.Set {
	for i := range r.table.Sets {
		if r.table.Sets[i].Name == name {
			return &r.table.Sets[i]
		}
	}
	return nil
}

// matches reports whether fields are an element, whose parts are separated by " . ".
func matches(fields []field, element string) bool {
	parts := strings.Split(element, " . ")
	if len(parts) != len(fields) {
		return false
	}
	for i, f := range fields {
		if !f.is(unquote(strings.TrimSpace(parts[i]))) {
			return false
		}
	}
	return true
}

// names are numbers of protocols and types of messages that rules name.
var names = map[string]string{
	"icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58",
	"nd-router-solicit": "133", "nd-router-advert": "134", "nd-neighbor-solicit": "135", "nd-neighbor-advert": "136", "nd-redirect": "137",
}

// is reports whether a field is a value: an address in a network or a range, a number in a
// range, or the same text.
func (f field) is(value string) bool {
	if f.addr.IsValid() {
		r, ok := model.ParseAddresses(value)
		return ok && r.Start.Is4() == f.addr.Is4() && r.Start.Compare(f.addr) <= 0 && f.addr.Compare(r.End) <= 0
	}
	if n := names[value]; n != "" {
		value = n
	}
	if f.text == value {
		return true
	}
	first, last, isRange := strings.Cut(value, "-")
	n, err := strconv.Atoi(f.text)
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	return isRange && err == nil && err1 == nil && err2 == nil && from <= n && n <= to
}
