package probe

import (
	"context"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// all are the features that are probed.
var all = []model.Feature{
	model.FeatureBridge, model.FeatureVXLAN, model.FeatureVLANFiltering, model.FeatureNFTNAT,
	model.FeatureVLAN, model.FeatureVLANAD, model.FeatureVRF, model.FeatureVeth, model.FeatureDummy,
	model.FeatureNFTBridge, model.FeatureNFTBridgeState,
}

// TestADistributionsKernelHasAll also shows that modules are loaded on demand.
func TestADistributionsKernelHasAll(t *testing.T) {
	requires.VM(t)
	got, err := Features(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
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
	for _, f := range all {
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
