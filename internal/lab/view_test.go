package lab

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestUnescapeMounts(t *testing.T) {
	if got, want := unescapeMounts(`rw,upperdir=/a\040b\054c\134d,workdir=/w`), `rw,upperdir=/a b,c\d,workdir=/w`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A process that took the number of the one that kept a view has other files: it is
// never entered.
func TestAnotherProcessIsNoHolder(t *testing.T) {
	l, err := New(t.TempDir(), "closed", "unused")
	if err != nil {
		t.Fatal(err)
	}
	if got := l.holder("node1"); got != 0 {
		t.Errorf("without a view process %d keeps one", got)
	}
	if err := os.MkdirAll(filepath.Dir(l.holderFile("node1")), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.holderFile("node1"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := l.holder("node1"); got != 0 {
		t.Errorf("process %d has the host's files and is taken for the one that keeps the view", got)
	}
}
