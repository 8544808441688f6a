package lab

import (
	"context"
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/linux/probe"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// kernelAdvice is the advice for a missing kernel feature.
const kernelAdvice = "`viaduct lab up --vm` makes the lab in a virtual machine that has it"

// networks are the kinds of networks that a lab's nodes can make, and their kernel
// requirements.
var networks = []struct {
	what  string
	needs []model.Feature
}{
	{"VXLAN zones", []model.Feature{model.FeatureBridge, model.FeatureVXLAN}},
	{"VLAN zones", []model.Feature{model.FeatureVLAN}},
	{"QinQ zones of 802.1ad", []model.Feature{model.FeatureVLANAD}},
	{"VLAN-aware VNets", []model.Feature{model.FeatureVLANFiltering}},
	{"EVPN zones", []model.Feature{model.FeatureVRF}},
	{"fabrics", []model.Feature{model.FeatureDummy}},
	{"isolated zones and source NAT", []model.Feature{model.FeatureNFTNAT}},
	{"firewalls inside VNets", []model.Feature{model.FeatureNFTBridge, model.FeatureNFTBridgeState}},
}

// checkKernel reports missing features of this machine's kernel before a lab is
// made, since all nodes run on it. A missing feature that the lab itself needs is
// an error.
func (l *Lab) checkKernel(ctx context.Context) error {
	got, err := probe.Features(ctx)
	if err != nil {
		return err
	}
	if f := model.FeatureVeth; lacks(got, f) {
		return missing("a lab", f)
	}
	for _, n := range l.Spec.Nodes {
		for _, b := range n.Bridges {
			if b.VLANAware && lacks(got, model.FeatureVLANFiltering) {
				return missing(fmt.Sprintf("node %s: bridge %s is VLAN-aware and", n.Name, b.Name), model.FeatureVLANFiltering)
			}
		}
	}
	for _, text := range unsupportedNetworks(got) {
		l.progress("%s", text)
	}
	return nil
}

// unsupportedNetworks returns the kinds of networks that nodes on a kernel with the
// features cannot make.
func unsupportedNetworks(got map[model.Feature]bool) []string {
	var out []string
	for _, n := range networks {
		var parts []string
		for _, f := range n.needs {
			if lacks(got, f) {
				_, part := f.Words()
				parts = append(parts, part)
			}
		}
		if len(parts) > 0 {
			out = append(out, fmt.Sprintf("note: %s cannot be made in this lab: they need %s, which this kernel lacks; "+kernelAdvice, n.what, strings.Join(parts, " and ")))
		}
	}
	return out
}

// lacks reports whether a feature was tried and is missing.
func lacks(got map[model.Feature]bool, f model.Feature) bool {
	has, tried := got[f]
	return tried && !has
}

func missing(who string, f model.Feature) error {
	what, part := f.Words()
	return fmt.Errorf("%s needs %s, and this machine's kernel lacks %s: %s", who, what, part, kernelAdvice)
}
