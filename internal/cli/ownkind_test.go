package cli

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

const kindRelay model.Kind = "relay"

// relay is an object of a kind that only this test has.
type relay struct {
	ID    string       `json:"id"`
	Type  string       `json:"type"`
	Zone  string       `json:"zone,omitempty"`
	Port  int          `json:"port,omitempty"`
	Hops  []relayHop   `json:"hops,omitempty"`
	Key   model.Secret `json:"key,omitempty"`
	Loops int          `json:"loops,omitempty"`
	Set   string       `json:"set,omitempty"`
}

type relayHop struct {
	Name string `json:"name"`
	Cost int    `json:"cost,omitempty"`
}

func (*relay) ObjectKind() model.Kind { return kindRelay }

func (r *relay) ObjectID() string { return r.ID }

func relayKind(live bool) *model.Descriptor {
	return &model.Descriptor{
		Kind: kindRelay, Doc: "What passes packets on.", TypeProperty: "type", Live: live,
		Permissions: []model.Permission{{Path: "/sdn/relays/{id}", Read: []string{"SDN.Audit"}, Write: []string{"SDN.Allocate"}}},
		Properties: []model.Property{
			{Name: "id", Required: true, Doc: "name of the relay"},
			{Name: "type", Required: true, Doc: "which relay", Values: []string{"slow", "fast"}, Noun: "a relay type"},
			{Name: "zone", Doc: "zone it is in", Ref: model.KindZone, Use: true},
			{Name: "port", Doc: "UDP port", Min: 1, Max: 65535, Noun: "a UDP port"},
			{Name: "hops", Doc: "where it leads", Items: &model.Items{Type: model.FieldEntries, Name: "hop", Key: "name", Bare: "name", Properties: []model.Property{
				{Name: "name", Required: true, Doc: "name of the hop"},
				{Name: "cost", Doc: "cost of the hop", Min: 1, Max: 9},
			}}},
			{Name: "key", Doc: "what lets in"},
			{Name: "loops", Doc: "how often", Min: 1, Max: 3, Types: []string{"slow"}},
		},
		Columns: []model.Column{
			{Name: "RELAY", Cell: func(o model.Object) string { return o.ObjectID() }},
			{Name: "ZONE", Cell: func(o model.Object) string { return o.(*relay).Zone }},
		},
	}
}

func withRelay(t *testing.T, live bool) *session {
	t.Helper()
	t.Cleanup(model.Register(relayKind(live), func() model.Object { return &relay{} }))
	s := startSession(t)
	if err := os.WriteFile(filepath.Join(s.data, "own.yaml"), []byte("kind: zone\nid: za\ntype: simple\n---\nkind: relay\nid: r1\ntype: slow\nzone: za\nport: 53\nkey: hush\nhops: [a, {name: b, cost: 2}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// get asks the server for a path as its owner.
func (s *session) get(path string) []byte {
	s.t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(s.data, "api.sock"))
	}
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("http://server" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// expect runs a command line and checks that its output contains texts.
func (s *session) expect(line string, wants ...string) {
	s.t.Helper()
	got := s.run(line)
	for _, want := range wants {
		if absent, is := strings.CutPrefix(want, "!"); is == strings.Contains(got, absent) && is {
			s.t.Errorf("viaduct %s prints %q, which it should not:\n%s", line, absent, got)
		} else if !is && !strings.Contains(got, want) {
			s.t.Errorf("viaduct %s does not print %q:\n%s", line, want, got)
		}
	}
}

// A kind that only its descriptor defines works in manifest, store, plan, apply,
// history, API and command line.
func TestAKindIsWhatItsDescriptorSays(t *testing.T) {
	s := withRelay(t, false)
	own := filepath.Join(s.data, "own.yaml")
	s.expect("plan -f "+own, "+ relay r1: type slow, zone za, port 53, hops name=a, name=b cost=2, key (secret)")
	s.expect("apply -y --no-wait -f "+own, "revision 1 is running: 2 objects changed")
	s.expect("get relays", "RELAY", "ZONE", "r1", "za")
	s.expect("get relay r1 -o yaml", "kind: relay", "- name: b\n    cost: 2\n", "key: hush")
	s.expect("describe relay r1", "Related\n  zone za\n")
	s.expect("describe zone za", "Related\n  relay r1\n")
	s.expect("set relay r1 hops.a.cost=3", "-> name=a cost=3, name=b cost=2")
	s.expect("diff", "relay r1")
	s.expect("apply -y --no-wait", "revision 2 is running: 1 object changed")
	s.expect("rollback 1 -y --no-wait", "revision 3 is running")
	s.expect("get relay r1 -o yaml", "!cost: 3")
	s.expect("delete zone za", "relay r1: zone \"za\": does not exist: zone za is used by relay r1")
	s.expect("create relay r2 type=quick", "is not a relay type: use slow or fast")
	s.expect("create relay r2 type=fast port=70000", "is not a UDP port: use 1 to 65535")
	s.expect("create relay r2 type=fast hops=a,cost=10", "hops[0].cost", "is out of range: use 1 to 9")
	s.expect("create relay r2 type=fast loops=2", "is not an option of a fast relay, only of slow")
	s.expect("create relay r2 type=fast zone=zb", "does not exist: zone zb is used by relay r2; declare the zone first")
	s.expect("explain relay.port", "1 to 65535")
	s.expect(`__complete set relay r1 "type="`, "type=slow\ntype=fast\n")
	s.expect(`__complete set relay r1 "zone="`, "zone=za\n")
	s.expect("export manifests "+filepath.Join(s.data, "out"), "secrets left out: key of relay r1")
	s.expect("delete relay r1", "- relay r1")
	s.expect("apply -y --no-wait", "revision 4 is running")
	s.expect("apply -y --no-wait -f "+filepath.Join(s.data, "out"), "1 object changed")
	s.expect("get relays", "r1")
}

// An object that takes effect at once is not part of revisions.
func TestALiveKindIsWhatItsDescriptorSays(t *testing.T) {
	s := withRelay(t, true)
	s.expect("apply -y --no-wait -f "+filepath.Join(s.data, "own.yaml"), "revision 1 is running")
	s.expect("set relay r1 port=54", "took effect at once")
	s.expect("get relays --view running", "r1")
	s.expect("rollback 1 -y --no-wait", "nothing to apply")
	s.expect("get relay r1 -o yaml", "port: 54")
	s.expect("create relay r2 type=quick", "is not a relay type: use slow or fast")
	s.expect("delete relay r1", "took effect at once")
	s.expect("get relays", "no relays")
}

// Who may not write an object is not shown its secrets, and who may not read it nothing.
func TestAKindIsProtectedAsItsDescriptorSays(t *testing.T) {
	s := withRelay(t, false)
	s.must("apply -y --no-wait -f " + filepath.Join(s.data, "own.yaml"))
	s.must("user add eve@pve")
	s.must("user add ada@pve")
	s.must("acl add /sdn/relays PVEAuditor --user ada@pve")
	s.must("acl add /sdn/zones PVEAuditor --user ada@pve")
	s.login("ada@pve")
	s.expect("get relay r1 -o yaml", "port: 53", "!hush")
	s.expect("set relay r1 port=54", "lacks SDN.Allocate on /sdn/relays/r1")
	s.login("eve@pve")
	s.expect("get relay r1", "lacks SDN.Audit on /sdn/relays/r1")
	s.login("")
	s.must("acl add /sdn/relays PVESDNAdmin --user eve@pve")
	s.login("eve@pve")
	s.expect("create relay r3 type=slow zone=za", "lacks SDN.Use or SDN.Allocate on /sdn/zones/za")
}

// The document of the API describes the kind.
func TestAKindIsInTheDocument(t *testing.T) {
	s := withRelay(t, false)
	var doc struct {
		Paths      map[string]json.RawMessage
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Maximum   int
					Enum      []string
					Format    string
					Reference string `json:"x-reference"`
				}
			}
		}
	}
	if err := json.Unmarshal(s.get("/api/v1/openapi.json"), &doc); err != nil {
		t.Fatal(err)
	}
	p := doc.Components.Schemas["relay"].Properties
	if p["port"].Maximum != 65535 || len(p["type"].Enum) != 2 || p["key"].Format != "password" || p["zone"].Reference != "zone" {
		t.Errorf("properties: %+v", p)
	}
	if doc.Components.Schemas["relayHop"].Properties["cost"].Maximum != 9 {
		t.Error("the items of the list are not described")
	}
	for _, path := range []string{"/api/v1/relays", "/api/v1/relays/{id}"} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
}
