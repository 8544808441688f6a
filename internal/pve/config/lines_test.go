package config

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// TestStoredLineBreaksStayInTheirLine writes texts that older releases stored.
func TestStoredLineBreaksStayInTheirLine(t *testing.T) {
	const bad = "ok\n\nvnet: forged\n\tzone blue\n[RULES]\n\nIN ACCEPT\u2028x"
	cfg := &model.Config{}
	for _, o := range []model.Object{
		&model.Zone{ID: "red", Type: model.ZoneSimple}, &model.VNet{ID: "redv", Zone: "red", Alias: bad},
		&model.Alias{ID: "home", CIDR: "192.0.2.1", Comment: bad},
		&model.IPSet{ID: "set", Comment: bad, Entries: []model.IPSetEntry{{CIDR: "192.0.2.1", Comment: bad}}},
		&model.SecurityGroup{ID: "web", Comment: bad, Rules: []model.FirewallRule{{Type: "in", Action: "ACCEPT", Comment: bad}}},
		&model.Firewall{ID: "redv", Rules: []model.FirewallRule{{Type: "forward", Action: "ACCEPT", Comment: bad}}},
		&model.Firewall{ID: model.FirewallDatacenter, LogRateLimit: bad, Rules: []model.FirewallRule{{Type: "in", Action: "ACCEPT", Comment: bad}}},
	} {
		cfg.Set(o)
	}
	files, err := Write(&Directory{Config: cfg}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	escaped := 0
	for name, text := range files {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "vnet: forged") || strings.HasPrefix(line, "IN ACCEPT\u2028") || strings.HasPrefix(line, "\tzone blue") {
				t.Errorf("%s has a forged line:\n%s", name, text)
			}
		}
		escaped += strings.Count(text, `ok\n\nvnet: forged`)
	}
	if escaped < 8 || cfg.VNets["redv"].Alias != bad {
		t.Errorf("%d texts are escaped in %v", escaped, files)
	}
}
