package manifest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// try loads, validates and writes what could be read, and reports whether that
// was anything. It must never panic.
func try(b []byte) bool {
	l := &loader{set: newSet()}
	l.input("fuzz.yaml", b)
	if len(l.errs) > 0 {
		_ = l.errs.Error() // what could be read is validated all the same
	}
	for _, p := range validateSet(l.set) {
		_ = l.set.Format(p)
	}
	if _, err := Marshal(l.set.Objects); err != nil {
		panic(err)
	}
	return len(l.set.Objects) > 0
}

// seeds are the golden cases' manifests.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no seeds: %v", err)
	}
	var out [][]byte
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := 0, 0; i < len(b); i = j { // pieces of a few documents
			j = min(i+700, len(b))
			out = append(out, b[i:j])
		}
	}
	return out
}

// valid are correct manifests: few mutations leave much of them to validate.
var valid = []string{
	"kind: zone\nid: za\ntype: simple\nmtu: 1400\nnodes: node1,node2\n",
	"kind: zone\nid: zx\ntype: vxlan\npeers: [192.0.2.1, 192.0.2.2]\nvxlan-port: 4789\n",
	"kind: vnet\nid: va\nzone: za\nalias: \"a b\"\nisolate-ports: yes\n---\nkind: vnet\nid: vx\nzone: zx\ntag: 77\n",
	"kind: zone\nid: za\ntype: simple\n---\nkind: vnet\nid: va\nzone: za\n---\nkind: subnet\nid: 10.0.0.0/24\nvnet: va\ngateway: 10.0.0.1\nsnat: 1\n",
	"kind: zone\nid: za\ntype: simple\n---\nkind: vnet\nid: va\nzone: za\n---\nkind: subnet\nid: fd00:1::/64\nvnet: va\ndhcp-range:\n- start-address=fd00:1::1,end-address=fd00:1::9\n",
	"{\"kind\": \"guest\", \"id\": \"100\", \"nics\": [{\"id\": \"net0\", \"vnet\": \"va\", \"ips\": [\"10.0.0.5\"], \"mac\": \"BC:24:11:00:00:01\"}]}\n",
	"kind: node\nid: node1\naddress: 192.0.2.1\nreserved: [bond*, eth0]\n",
}

func FuzzLoad(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	for _, s := range valid {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, b []byte) { try(b) })
}

// spice is what mutations insert: all that means something to YAML or to us.
var spice = []string{
	"{", "}", "[", "]", ":", ": ", ",", "- ", "-", "---\n", "...\n", "\n", "\n  ", "\t", "\"", "'", "|\n", ">\n", "#", "&a ", "*a", "!!int ",
	"? ", "<<: ", "%YAML 1.2\n", "~", "null", "0", "-1", "1e999", "0x1F", ".nan", "999999999999999999999", "::", "::/0", "0.0.0.0/0", "10.0.0.0/33",
	"255.255.255.255", "fe80::1%eth0", "\x00", "\xff", "\u2028", "\U0001F600", "kind: ", "id: ", "zone", "vnet", "subnet", "guest", "node", "nics: ",
	"peers: ", "dhcp-range: ", "start-address=", "{kind: vnet, id: v1}", "[[[[[[[[", "{a: {a: {a: ", "\r\n", "\ufeff",
}

// mutate changes a few places of b, which it may overwrite.
func mutate(r *rand.Rand, b []byte) []byte {
	for range 1 + r.IntN(3) {
		at := r.IntN(len(b) + 1)
		end := min(len(b), at+r.IntN(12))
		var piece []byte
		switch r.IntN(4) {
		case 0: // cut out
		case 1: // swap for something with a meaning
			piece = []byte(spice[r.IntN(len(spice))])
		case 2: // insert something with a meaning
			piece, end = []byte(spice[r.IntN(len(spice))]), at
		case 3: // repeat a piece of itself elsewhere
			from := r.IntN(len(b) + 1)
			piece, end = append([]byte(nil), b[from:min(len(b), from+r.IntN(40))]...), at
		}
		b = append(append(append([]byte(nil), b[:at]...), piece...), b[end:]...)
	}
	return b
}

// 100,000 random and mutated manifests must not crash reading or validation.
// The seed is fixed, so that a failure can be seen again.
func TestMutatedManifests(t *testing.T) {
	count := 100000
	if testing.Short() {
		count = 5000
	}
	r := rand.New(rand.NewPCG(1, 2))
	all := seeds(t)
	var current []byte
	defer func() {
		if e := recover(); e != nil {
			t.Fatalf("crash: %v\non input %q", e, current)
		}
	}()
	start := time.Now()
	var worst time.Duration
	loaded := 0
	for i := range count {
		switch i % 10 {
		case 9: // noise
			current = make([]byte, r.IntN(60))
			for j := range current {
				current[j] = byte(r.IntN(256))
			}
		case 0, 1, 2, 3, 4, 5:
			current = mutate(r, []byte(valid[r.IntN(len(valid))]))
		default:
			seed := all[r.IntN(len(all))]
			from := r.IntN(len(seed))
			current = mutate(r, append([]byte(nil), seed[from:min(len(seed), from+40+r.IntN(200))]...))
		}
		before := time.Now()
		if try(current) {
			loaded++
		}
		worst = max(worst, time.Since(before))
	}
	t.Logf("%d manifests in %v, the slowest %v; %d could be read and were validated", count, time.Since(start), worst, loaded)
	if loaded < count/20 {
		t.Errorf("only %d of %d reached validation", loaded, count)
	}
	if worst > 2*time.Second {
		t.Errorf("one small manifest took %v", worst)
	}
}
