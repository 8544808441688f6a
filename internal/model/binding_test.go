package model

import (
	"net/netip"
	"reflect"
	"testing"
)

// Two bindings are equal only if every field is.
func TestBindingsDiffer(t *testing.T) {
	full := func() *Binding {
		return &Binding{Zone: "z", VNet: "v", MAC: "m", Guest: "g", NIC: "n", Node: "o", Name: "a", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	}
	if !full().Equal(full()) || !(*Binding)(nil).Equal(nil) || full().Equal(nil) || (*Binding)(nil).Equal(full()) {
		t.Error("equal bindings are not equal")
	}
	for i := range reflect.TypeFor[Binding]().NumField() {
		b := full()
		f := reflect.ValueOf(b).Elem().Field(i)
		if f.IsZero() {
			t.Fatalf("the test does not set %s", reflect.TypeFor[Binding]().Field(i).Name)
		}
		f.SetZero()
		if b.Equal(full()) || full().Equal(b) {
			t.Errorf("%s does not count", reflect.TypeFor[Binding]().Field(i).Name)
		}
	}
}
