package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// A directory ipams/<case> or dns/<case> holds operations on an external system
// (cases.json, whose plugin says which one), the configuration that they run in
// (sdn.json; ipam_config.json or dns_config.json), and for each operation the one
// request that must be sent: in the file "expected", or as "request" in the operation.
//
// The operations of address management are those of Proxmox VE's plugins: verify_api and
// on_update_hook, add_subnet, update_subnet, del_subnet, add_ip, update_ip, del_ip,
// add_next_freeip and add_range_next_freeip; those of name servers verify_api,
// on_update_hook, verify_zone, add_a_record, del_a_record, add_ptr_record and
// del_ptr_record. A test fails at any other.

// Operation is one operation on an external system.
type Operation struct {
	// Call is what is done: "add_ip".
	Call string `json:"call"`
	// Name tells operations of one call apart.
	Name string `json:"operation"`
	Args struct {
		Description string `json:"description"`
		Hostname    string `json:"hostname"`
		IP          string `json:"ip"`
		IsGateway   bool   `json:"is_gateway"`
		MAC         string `json:"mac"`
		Subnet      string `json:"subnet"`
		Zone        string `json:"zone"`
		// Range is the one that an address is to come from.
		Range string `json:"range"`
		// Ranges are those of a subnet, OldRanges those before a change.
		Ranges    []string `json:"dhcp-range"`
		OldRanges []string `json:"old-dhcp-range"`
	} `json:"args"`
	// Lookups is what the system knows of the address; ExistingRRSet what its zone
	// holds already.
	Lookups struct {
		IPID      int  `json:"ip_id"`
		IsGateway bool `json:"is_ip_gateway"`
		PrefixID  int  `json:"prefix_id"`
		RangeID   int  `json:"range_id"`
	} `json:"lookups"`
	ExistingRRSet json.RawMessage `json:"existing_rrset"`
	// Expected is the file with the request; Request is the request itself.
	Expected string `json:"expected"`
	Request  *sent  `json:"request"`
}

// Network is the subnet that an operation is about, with its ranges, and as it was before.
func (o *Operation) Network(t *testing.T) (now, old *model.Subnet) {
	t.Helper()
	_, cidr, _ := model.ParseSubnetID(o.Args.Subnet)
	now = &model.Subnet{ID: o.Args.Subnet, CIDR: cidr}
	before := *now
	for _, text := range o.Args.Ranges {
		now.DHCPRange = append(now.DHCPRange, parseRange(t, text))
	}
	for _, text := range o.Args.OldRanges {
		before.DHCPRange = append(before.DHCPRange, parseRange(t, text))
	}
	return now, &before
}

// From is the range that an address is to come from.
func (o *Operation) From(t *testing.T) *model.Range {
	t.Helper()
	r := parseRange(t, o.Args.Range)
	return &r
}

// parseRange reads "start-address=10.0.0.10,end-address=10.0.0.20".
func parseRange(t *testing.T, text string) (r model.Range) {
	t.Helper()
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		a, err := netip.ParseAddr(value)
		switch {
		case err != nil:
		case name == "start-address":
			r.Start = a
		case name == "end-address":
			r.End = a
		}
	}
	if !r.Start.IsValid() || !r.End.IsValid() {
		t.Fatalf("%q is no range; write it like start-address=10.0.0.10,end-address=10.0.0.20", text)
	}
	return r
}

// Config is the configuration of an external system, as Proxmox has it in its files:
// numbers may be texts.
type Config map[string]any

// Text returns a value as a text; empty if there is none.
func (c Config) Text(name string) string {
	if v, ok := c[name]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// Operations runs f in a subtest for every operation on systems of a type: "netbox",
// "phpipam" or "powerdns": first the project's own cases, then those of the directory,
// without which this part is skipped. In neither may there be none.
func Operations(t *testing.T, typ string, f func(t *testing.T, c Config, o *Operation, want *Exchange)) {
	t.Helper()
	t.Run("own", func(t *testing.T) { operations(t, filepath.Join(root(t), "test/conformance/testdata"), typ, f) })
	t.Run("given", func(t *testing.T) { operations(t, Dir(t), typ, f) })
}

func operations(t *testing.T, dir, typ string, f func(t *testing.T, c Config, o *Operation, want *Exchange)) {
	t.Helper()
	found := false
	each := func(t *testing.T, c *Case, configFile, idKey string) {
		var cases struct {
			Plugin string
			IPAM   string `json:"ipam_id"`
			DNS    string `json:"dns_id"`
			Cases  []Operation
		}
		c.Decode(t, "cases.json", &cases)
		if cases.Plugin != typ {
			return
		}
		id := map[string]string{"ipam_id": cases.IPAM, "dns_id": cases.DNS}[idKey]
		var config struct{ IDs map[string]Config }
		c.Decode(t, configFile, &config)
		if config.IDs[id] == nil {
			t.Fatalf("%s has no %q", configFile, id)
		}
		config.IDs[id]["id"] = id
		for _, o := range cases.Cases {
			found = true
			t.Run(o.Name, func(t *testing.T) {
				want := &Exchange{}
				if o.Request != nil {
					want.want = *o.Request
				} else {
					c.Decode(t, o.Expected, &want.want)
				}
				f(t, config.IDs[id], &o, want)
				want.check(t)
			})
		}
	}
	runIn(t, dir, "ipams/*", func(t *testing.T, c *Case) { each(t, c, "ipam_config.json", "ipam_id") })
	runIn(t, dir, "dns/*", func(t *testing.T, c *Case) { each(t, c, "dns_config.json", "dns_id") })
	if !found {
		t.Fatalf("no operation on %s in %s", typ, dir)
	}
}

// Decode reads a file of JSON of the case.
func (c *Case) Decode(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.Read(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// Exchange takes the place of the network: look-ups are answered by Lookup, and the
// one other request is kept, to be compared with the one that must be sent.
type Exchange struct {
	// Lookup answers a GET with a status and JSON.
	Lookup func(r *http.Request) (int, string)
	// Answer is what the request is answered with.
	Answer string

	mu   sync.Mutex
	want sent
	gets []sent
	sent []sent
}

type sent struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body_raw"`
}

// RoundTrip implements http.RoundTripper.
func (e *Exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	got := sent{Method: r.Method, URL: r.URL.String(), Headers: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		got.Headers[strings.ToLower(name)] = r.Header.Get(name)
	}
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var value any
		if err := json.Unmarshal(data, &value); err != nil {
			return nil, err
		}
		canonical, err := json.Marshal(value) // keys sorted
		if err != nil {
			return nil, err
		}
		got.Body = string(canonical)
	}
	code, text := http.StatusOK, e.Answer
	if r.Method == http.MethodGet {
		e.gets = append(e.gets, got)
		if e.Lookup != nil {
			code, text = e.Lookup(r)
		}
	} else {
		e.sent = append(e.sent, got)
	}
	return &http.Response{
		StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}

// check compares what was sent. Of the headers those that are expected count.
func (e *Exchange) check(t *testing.T) {
	t.Helper()
	got := e.sent
	if e.want.Method == http.MethodGet {
		got = e.gets
	}
	if len(got) != 1 {
		t.Fatalf("%d requests were sent, want one: %v", len(got), got)
	}
	for name := range got[0].Headers {
		if _, ok := e.want.Headers[name]; !ok {
			delete(got[0].Headers, name)
		}
	}
	if d := cmp.Diff(e.want, got[0]); d != "" {
		t.Errorf("request (-want +got)\n%s", d)
	}
}
