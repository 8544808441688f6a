package schema

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// What Put notes passes, whatever the words; what it would not have noted does not.
func TestCheckWritten(t *testing.T) {
	good := &model.Zone{ID: "z1", Type: model.ZoneSimple}
	if err := zones.Put(good, Values{"mtu": {"01450"}, "advertise-subnets": {"0"}}); err != nil {
		t.Fatal(err)
	}
	if len(good.ClientSpelling) == 0 {
		t.Fatal("nothing was noted")
	}
	delete(good.ClientSpelling, "advertise-subnets") // which a simple zone has not
	if err := CheckClientSpelling(good); err != nil {
		t.Error(err)
	}
	for what, w := range map[string]model.ClientSpelling{
		"is no property":   {"nosuch": {"1"}},
		"something else":   {"mtu": {"9000"}},
		"got ARRAY":        {"mtu": {"1450", "1450"}},
		"no property of":   {"vrf-vxlan": {"1"}},
		"more than a line": {"dnszone": {"a\nvnet: evil"}},
	} {
		o := *good
		o.ClientSpelling = w
		err := CheckClientSpelling(&o)
		if err == nil || what != "more than a line" && !strings.Contains(err.Error(), what) {
			t.Errorf("%v: %v", w, err)
		}
	}
}

// The first property of a table is one like any other.
func TestCheckClientSpellingOfTheFirstProperty(t *testing.T) {
	z := &model.Zone{ID: "z1", Type: model.ZoneSimple}
	if err := zones.Put(z, Values{zones.Properties[0].Name: {"b a"}}); err != nil || len(z.ClientSpelling) != 1 {
		t.Fatal(err, z.ClientSpelling)
	}
	if err := CheckClientSpelling(z); err != nil {
		t.Error(err)
	}
}
