// Package scratch gives tests a network namespace that is theirs alone and goes
// with them. It stands beside the code and is imported by tests only.
package scratch

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/requires"
)

// New makes a namespace that is closed after the test, after everything for which
// the test asks later. Without root the test is skipped.
func New(t testing.TB) *netns.NS {
	t.Helper()
	requires.Root(t)
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

// Run executes a command, whose words are apart by blanks, in the namespace and
// returns what it prints; one that fails ends the test.
func Run(t *testing.T, ns *netns.NS, command string) string {
	t.Helper()
	var out []byte
	err := ns.Run(func() (err error) {
		args := strings.Fields(command)
		out, err = exec.Command(args[0], args[1:]...).CombinedOutput()
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}
