package frr

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// vocabulary holds lines of each kind that the driver tells apart.
var vocabulary = map[string][]string{
	"": {
		"ip prefix-list p seq 5 permit 10.0.0.0/8", "ip prefix-list p seq 5 permit 10.0.0.0/9", "ip prefix-list q permit 10.1.2.3/16",
		"ip protocol bgp route-map m", "ip protocol bgp route-map n", "access-list a permit 10.0.0.0/8",
	},
	"router bgp 65000": {
		"bgp router-id 1.1.1.1", "bgp router-id 1.1.1.2", "neighbor G peer-group", "neighbor G remote-as 65000", "neighbor G remote-as external",
		"neighbor 10.0.0.1 peer-group G", "neighbor FD00::1 remote-as 65001", "coalesce-time 1000",
	},
	"router bgp 65000 / address-family ipv4 unicast": {
		"neighbor G activate", "network 10.0.0.7/24", "redistribute connected", "redistribute connected route-map m", "neighbor G route-map m in", "neighbor G route-map n in",
	},
	"router bgp 65000 / address-family l2vpn evpn": {"advertise-all-vni", "neighbor G activate"},
	"router bgp 65000 vrf a":                       {"bgp router-id 1.1.1.1"},
	"vrf a":                                        {"vni 100", "vni 101", "ip route 10.0.0.0/8 null0"},
	"route-map m permit 10":                        {"match ip address a", "set src 10.0.0.1"},
	"route-map m permit 20":                        {},
	"interface eth0":                               {"ip router openfabric f"},
}

// blocks draws a configuration.
func blocks(t *rapid.T, label string) []desired.FRRBlock {
	var out []desired.FRRBlock
	heads := make([]string, 0, len(vocabulary))
	for h := range vocabulary {
		heads = append(heads, h)
	}
	slices.Sort(heads)
	for _, where := range heads {
		if !rapid.Bool().Draw(t, label+where) {
			continue
		}
		var lines []string
		for _, l := range vocabulary[where] {
			if rapid.Bool().Draw(t, label+l) {
				lines = append(lines, l)
			}
		}
		head, family, nested := strings.Cut(where, separator)
		switch {
		case where == "":
			for _, l := range lines {
				out = append(out, desired.FRRBlock{Head: l, Owner: "zone/z"})
			}
			continue
		case nested && len(lines) > 0:
			for i, l := range lines {
				lines[i] = "  " + l
			}
			lines = append(append([]string{" " + family}, lines...), " exit-address-family")
		case !nested:
			for i, l := range lines {
				lines[i] = " " + l
			}
		}
		if len(lines) > 0 || strings.HasPrefix(head, "route") {
			out = append(out, desired.FRRBlock{Head: head, Lines: lines, Owner: "zone/z"})
		}
	}
	return out
}

// play plays FRR: it executes commands on a tree.
func play(root *node, commands []string) {
	stack := []*node{root}
	for _, line := range commands {
		text, indent := squeeze(line), len(line)-len(strings.TrimLeft(line, " "))
		stack = stack[:indent+1]
		parent := stack[indent]
		undone, no := strings.CutPrefix(text, "no ")
		switch {
		case isEnd(text):
		case no:
			if k := parent.find(canonical(undone)); k != nil {
				parent.remove(k)
			}
		default:
			if s := parent.slots[parent.slotOf(canonical(text))]; s != nil && s.key != canonical(text) {
				parent.remove(s)
			}
			stack = append(stack, parent.add(text, ""))
		}
	}
	tidy(root)
}

// tidy removes what FRR does not show when it is empty.
func tidy(n *node) {
	for _, k := range slices.Clone(n.kids) {
		tidy(k)
		if len(k.kids) == 0 && (strings.HasPrefix(k.text, "address-family ") || deviceOf(k.text) != "") {
			n.remove(k)
		}
	}
}

// keys lists the lines of a tree.
func keys(n *node) []string {
	var out []string
	var walk func(n *node, path string)
	walk = func(n *node, path string) {
		for _, k := range n.kids {
			out = append(out, path+k.key)
			walk(k, path+k.key+separator)
		}
	}
	walk(n, "")
	slices.Sort(out)
	return out
}

// TestAnyPathLeadsThere walks FRR from a configuration that Viaduct does not own through
// others of ours and back. After each step all wanted lines stand whose place
// was free, and all that Viaduct does not own, and no others.
func TestAnyPathLeadsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		running := wanted(blocks(t, "foreign"))
		tidy(running)
		foreign := keys(running)
		last := &node{}
		gone := func(string) bool { return false }
		for step := range rapid.IntRange(1, 4).Draw(t, "steps") + 1 {
			want := &node{}
			if step > 0 {
				want = wanted(blocks(t, "want"))
			}
			c := &comparison{place: inRunning, device: gone}
			c.compare(want, last, running)
			for _, conflict := range c.conflicts {
				exclude(want, conflict.where)
			}
			c = &comparison{place: inRunning, device: gone}
			c.compare(want, last, running)
			merge(last, want, running, nil)
			play(running, commands(inOrder(c.removes, c.adds), true, gone).lines)
			// A second round finds what a replacement left.
			c = &comparison{place: inRunning, device: gone}
			c.compare(want, last, running)
			play(running, commands(inOrder(c.removes, c.adds), false, gone).lines)
			prune(last, want, nil)
			tidy(want)
			all := slices.Compact(sortedStrings(append(slices.Clone(foreign), keys(want)...)))
			if d := cmp.Diff(all, keys(running)); d != "" {
				t.Fatalf("step %d (-wanted +running):\n%s", step, d)
			}
		}
		c := &comparison{place: inRunning, device: gone}
		c.compare(&node{}, last, running)
		play(running, commands(inOrder(c.removes, c.adds), true, gone).lines)
		if d := cmp.Diff(foreign, keys(running)); d != "" {
			t.Fatalf("afterwards (-before +after):\n%s", d)
		}
	})
}

func sortedStrings(s []string) []string {
	slices.Sort(s)
	return s
}

// fileOf writes blocks as a person might, with comments.
func fileOf(t *rapid.T, blocks []desired.FRRBlock) string {
	var b strings.Builder
	b.WriteString("frr defaults traditional\nhostname pve\n")
	for _, block := range blocks {
		if rapid.Bool().Draw(t, "comment") {
			b.WriteString("! a word\n")
		}
		b.WriteString(block.Head + "\n")
		for _, l := range block.Lines {
			b.WriteString(l + "\n")
		}
		if end := frr.End(block.Head); end != "" {
			b.WriteString(end + "\n")
		}
		b.WriteString("!\n")
	}
	b.WriteString("line vty\n!\n")
	return b.String()
}

// TestFilesComeBack walks the file through the same and back: byte for byte.
func TestFilesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := fileOf(t, blocks(t, "foreign"))
		text, last := before, &node{}
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			want := wanted(blocks(t, "want"))
			file := parseFile(text)
			if same, _ := render(file); same != text {
				t.Fatalf("read and written:\n%s\nis not:\n%s", same, text)
			}
			c := &comparison{place: inFile}
			c.compare(want, last, file)
			for _, conflict := range c.conflicts {
				exclude(want, conflict.where)
			}
			merge(last, want, nil, file)
			applyToFile(file, inOrder(c.removes, c.adds))
			prune(last, want, nil)
			text, _ = render(file)
			c = &comparison{place: inFile}
			c.compare(want, last, parseFile(text))
			if len(c.adds)+len(c.removes) > 0 {
				t.Fatalf("still to do: %v %v in\n%s", c.adds, c.removes, text)
			}
		}
		file := parseFile(text)
		c := &comparison{place: inFile}
		c.compare(&node{}, last, file)
		applyToFile(file, inOrder(c.removes, c.adds))
		if after, _ := render(file); after != before {
			t.Fatalf("%s", cmp.Diff(before, after))
		}
	})
}
