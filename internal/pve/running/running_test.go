package running_test

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/pve/running"
)

func TestParseWholeFile(t *testing.T) {
	for text, want := range map[string]string{
		``:                              "not a running configuration of Proxmox SDN (JSON)",
		`[]`:                            "not a running configuration of Proxmox SDN (JSON)",
		`{"version":"x"}`:               `the version of the running configuration is "x", which is not a number`,
		`{"version":{}}`:                `the version of the running configuration is {}, which is not a number`,
		`{"version":1,"zones":[1]}`:     `"zones"`,
		`{"vnets":{"ids":["a"]}}`:       `"vnets"`,
		`{"fabrics":{"ids":["a","b"]}}`: `"fabrics"`,
	} {
		if _, _, err := running.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A kind that is missing differs from one without objects.
func TestMissingKinds(t *testing.T) {
	r, problems, err := running.Parse([]byte(`{"version":"17","zones":{},"vnets":{"ids":{}},"subnets":null}`))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if r.Version != 17 || r.Zones == nil || r.VNets == nil || r.Subnets != nil || r.Fabrics != nil {
		t.Errorf("%+v", r)
	}
	if r, _, err := running.Parse([]byte(`{}`)); err != nil || r.Version != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Perl keeps no types: every spelling of a value means the same.
func TestSpellings(t *testing.T) {
	for value, want := range map[string]bool{
		`1`: true, `"1"`: true, `true`: true, `"on"`: true, `"Yes"`: true,
		`0`: false, `"0"`: false, `false`: false, `""`: false, `null`: false, `"OFF"`: false, `"no"`: false,
	} {
		r, problems, err := running.Parse([]byte(`{"vnets":{"ids":{"v":{"vlanaware":` + value + `}}}}`))
		if err != nil || len(problems) > 0 || r.VNets["v"].VLANAware != want {
			t.Errorf("vlanaware %s: %+v, %v, %v", value, r, problems, err)
		}
	}
	for value, want := range map[string]int{`9000`: 9000, `"9000"`: 9000, `""`: 0, `null`: 0, `"0"`: 0} {
		r, problems, err := running.Parse([]byte(`{"zones":{"ids":{"z":{"mtu":` + value + `}}}}`))
		if err != nil || len(problems) > 0 || r.Zones["z"].MTU != want {
			t.Errorf("mtu %s: %+v, %v, %v", value, r, problems, err)
		}
	}
	for _, value := range []string{`"9k"`, `-1`, `1.5`, `1e3`, `[1]`, `{"a":1}`} {
		r, problems, err := running.Parse([]byte(`{"zones":{"ids":{"z":{"mtu":` + value + `}}}}`))
		if err != nil || len(problems) == 0 || !r.Broken(r.Zones["z"]) {
			t.Errorf("mtu %s: %+v, %v, %v", value, r, problems, err)
		}
	}
}

func TestOnNode(t *testing.T) {
	for value, want := range map[string]bool{
		`null`: true, `""`: true, `{"n":1}`: true, `{"n":"1","m":1}`: true, `"m, n"`: true, `["n"]`: true,
		`{}`: false, `{"n":0}`: false, `{"n":"0"}`: false, `{"n":""}`: false, `{"m":1}`: false, `"m"`: false,
	} {
		r, problems, err := running.Parse([]byte(`{"zones":{"ids":{"z":{"nodes":` + value + `}}}}`))
		if err != nil || len(problems) > 0 || r.Zones["z"].OnNode("n") != want {
			t.Errorf("nodes %s: %+v, %v, %v", value, r, problems, err)
		}
	}
}

// One object that is none loses no other; numbers and texts stand for each other, and
// what is empty may be a list.
func TestLooseRunning(t *testing.T) {
	r, problems, err := running.Parse([]byte(`{"version": "3", "zones": {"ids": {"a": {"type": "simple", "mtu": "1400"}, "b": 7, "c": ["x"], "d": {"type": "vxlan", "peers": ["10.0.0.1"], "mtu": 9000}}},
		"vnets": {"ids": []}, "subnets": [], "controllers": {"ids": {"e": {"type": "evpn", "asn": "65000", "nodes": ["n1", 2]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Version != 3 || r.Zones["a"].MTU != 1400 || r.Zones["d"].MTU != 9000 || len(r.Zones) != 2 || r.Controllers["e"].Nodes[1] != "2" {
		t.Errorf("%+v", r)
	}
	if len(problems) != 2 || problems[0].ID != "b" || problems[1].ID != "c" {
		t.Errorf("told: %v", problems)
	}
}
