package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstanceIsFoundAgain(t *testing.T) {
	data := t.TempDir()
	if got, err := LoadInstance(data); err != nil || got != (Instance{}) {
		t.Errorf("before an agent ran: %+v, %v", got, err)
	}
	want := Instance{FRRPathspace: "n1", OVSSocket: "/run/n1/db.sock", DNSMasqRoot: "/run/n1"}
	if err := want.Save(data); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadInstance(data); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	path := filepath.Join(data, instanceFile)
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadInstance(data); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged file: %v", err)
	}
}
