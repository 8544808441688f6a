package netns

import (
	"errors"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/test/requires"
)

func TestRunIsInsideAndNobodyElseIs(t *testing.T) {
	requires.Root(t)
	before, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	ns, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	inside := ""
	boom := errors.New("boom")
	if err := ns.Run(func() error {
		inside, _ = os.Readlink("/proc/thread-self/ns/net")
		if links, err := net.Interfaces(); err != nil || len(links) != 1 {
			t.Errorf("a new namespace has %d interfaces, %v", len(links), err)
		}
		return boom
	}); !errors.Is(err, boom) {
		t.Errorf("error: %v", err)
	}
	if after, _ := os.Readlink("/proc/thread-self/ns/net"); after != before || inside == before || inside == "" {
		t.Errorf("before %s, inside %s, after %s", before, inside, after)
	}
	var none *NS
	if err := none.Run(func() error { return boom }); !errors.Is(err, boom) {
		t.Errorf("nil namespace: %v", err)
	}
}

// The process's first thread stays where the process is, whoever enters a namespace.
func TestFirstThreadEntersNone(t *testing.T) {
	for range 500 {
		if err := OnThread(func() error {
			if unix.Gettid() == os.Getpid() {
				return errors.New("runs on the first thread")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
