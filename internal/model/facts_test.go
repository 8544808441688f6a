package model

import "testing"

func TestIPv6Tunnels(t *testing.T) {
	for version, want := range map[string]bool{
		"8.4.4": false, "10.3": false, "10.5.9": false, "10.6": true, "10.6.1": true, "10.10.0": true, "11.0": true,
		"10.6-dev": true, "10.3.1-1+pve1": false, "": false, "unknown": false,
	} {
		if got := (&FRRFacts{Version: version}).IPv6Tunnels(); got != want {
			t.Errorf("FRR %q: %v", version, got)
		}
	}
}

func TestStuckBFD(t *testing.T) {
	for version, want := range map[string]bool{"8.4.4": false, "10.1": false, "10.2.1": true, "10.3": true, "10.3.0": true, "10.3.1": false, "10.4.1": false, "": false} {
		if got := (&FRRFacts{Version: version}).StuckBFD(); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

func TestRestartsEVPN(t *testing.T) {
	for version, want := range map[string]bool{"8.4.4": false, "10.3": false, "10.5.3": false, "10.6.0": true, "10.7.1": true, "11.0": true, "": false} {
		if got := (&FRRFacts{Version: version}).RestartsEVPN(); got != want {
			t.Errorf("FRR %q: %v", version, got)
		}
	}
}
