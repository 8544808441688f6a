package fleet

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// A plan has the files that differ, and names those that are too large to be compared.
func TestChangedFiles(t *testing.T) {
	node := func(lines ...string) *desired.Node {
		return &desired.Node{Space: desired.Space{FRR: &desired.FRR{Blocks: []desired.FRRBlock{{Head: "router bgp 65000", Lines: lines}}}}}
	}
	old, new := daemonFiles(node(" bgp router-id 192.0.2.1")), daemonFiles(node(" bgp router-id 192.0.2.2"))
	if got := changedFiles(old, old); len(got) != 0 {
		t.Errorf("%+v differ from themselves", got)
	}
	got := changedFiles(old, new)
	if len(got) != 1 || got[0].Name != "frr.conf" || !strings.Contains(got[0].Old, "192.0.2.1\n") || !strings.Contains(got[0].New, "192.0.2.2\n") {
		t.Errorf("%+v", got)
	}
	if got = changedFiles(old, nil); len(got) != 1 || got[0].New != "" {
		t.Errorf("%+v", got)
	}
	if got = changedFiles(old, daemonFiles(node(strings.Repeat("x", maxFile)))); len(got) != 1 || !got[0].TooLarge || got[0].New != "" {
		t.Errorf("%d files", len(got))
	}
}
