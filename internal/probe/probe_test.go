package probe

import (
	"context"
	"os"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

func TestFeatures(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	got, err := Features(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []model.Feature{model.FeatureBridge, model.FeatureVXLAN, model.FeatureVLANFiltering, model.FeatureNFTNAT} {
		if _, told := got[f]; !told {
			t.Errorf("%s: not told", f)
		}
	}
	if !got[model.FeatureBridge] || !got[model.FeatureVXLAN] {
		t.Errorf("this test's machine has bridges and VXLAN, but: %v", got)
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
		if l.Name == "probe-br" || l.Name == "probe-vx" {
			t.Errorf("left behind: %s", l.Name)
		}
	}
}
