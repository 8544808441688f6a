package probe

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// TestADistributionsKernelHasAll also shows that modules are loaded on demand.
func TestADistributionsKernelHasAll(t *testing.T) {
	requires.VM(t)
	got, err := Features(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range model.Features() {
		if !got[f] {
			t.Errorf("%s: not found", f)
		}
	}
}

func TestFeatures(t *testing.T) {
	requires.Root(t)
	got, err := Features(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range model.Features() {
		if _, told := got[f]; !told {
			t.Errorf("%s: not told", f)
		}
	}
	if !got[model.FeatureBridge] || !got[model.FeatureVXLAN] || !got[model.FeatureVeth] {
		t.Errorf("this test's machine has bridges, VXLAN and veth pairs, but: %v", got)
	}
	// Nothing is left in the process's own namespace.
	conn, err := rtnl.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	links, err := conn.Links(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if strings.HasPrefix(l.Name, "probe-") {
			t.Errorf("left behind: %s", l.Name)
		}
	}
}

// TestRulesetsAreWellFormed: what nft itself does not understand says nothing of the kernel.
func TestRulesetsAreWellFormed(t *testing.T) {
	for feature, rules := range rulesets {
		cmd := exec.Command("nft", "--check", "--file", "-")
		cmd.Stdin = strings.NewReader(rules)
		if out, _ := cmd.CombinedOutput(); strings.Contains(string(out), "syntax error") {
			t.Errorf("%s: %s", feature, out)
		}
	}
}
