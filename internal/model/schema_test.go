package model

import "testing"

func TestEveryFieldIsDescribed(t *testing.T) {
	check := func(owner string, fields []FieldInfo) {
		if len(fields) == 0 {
			t.Errorf("%s has no fields", owner)
		}
		for _, f := range fields {
			if f.Name == "" || f.Name == "-" || f.Type == FieldUnknown || f.Doc == "" {
				t.Errorf("%s: field %+v lacks a name, a known type or a text in fieldDocs", owner, f)
			}
		}
	}
	for _, k := range Kinds() {
		check(string(k), Fields(k))
		for _, f := range Fields(k) {
			if infos, owner := f.ItemFields(); infos != nil {
				check(owner, infos)
			}
		}
	}
	if Fields("bogus") != nil {
		t.Error("an unknown kind has fields")
	}
}

func TestNearest(t *testing.T) {
	fields := []string{"id", "type", "nodes", "mtu", "peers", "fabric", "vxlan-port", "tag", "isolate-ports"}
	for name, want := range map[string]string{
		"vxlan_port": "vxlan-port", "tga": "tag", "Tag": "tag", "peer": "peers", "node": "nodes", "isolate": "isolate-ports",
		"vxlanport": "vxlan-port", "x": "", "": "", "colour": "", "tag": "", "vx": "vxlan-port",
	} {
		if got := Nearest(name, fields); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
