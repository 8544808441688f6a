package frr

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// TestProxmoxFiles applies the configurations that Proxmox makes, one after the
// other, to one running FRR: each must be reached from the one before and stand
// then. The cases are those of package conformance.
func TestProxmoxFiles(t *testing.T) {
	dir := conformance.Dir(t)
	var paths []string
	for _, pattern := range []string{"zones/*/*/expected_controller_config", "fabrics/*/expected_frr.*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	onEachFRR(t, func(t *testing.T, l *lab) {
		l.apply(config("ip prefix-list x seq 5 permit 10.0.0.0/8\n"))
		l.apply(nil)
		before := l.running()
		for _, p := range paths {
			name, err := filepath.Rel(dir, p)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(filepath.ToSlash(name), func(t *testing.T) {
				l.t = t
				text, err := os.ReadFile(p)
				if err != nil {
					t.Fatal(err)
				}
				want := body(string(text))
				l.interfaces(string(text))
				if _, err := l.try(want); err != nil {
					t.Log("told: ", err)
					if len(driver.NodeErrors(err)) > 0 {
						t.Fail()
					}
				}
				l.settled(want)
			})
		}
		l.t = t
		l.apply(nil)
		if d := cmp.Diff(parsed(before), parsed(l.running())); d != "" {
			t.Error("left in FRR (-before +after):\n", d)
		}
	})
}

// onEachFRR runs a test on the system's FRR and on the one below the directory
// that VIADUCT_FRR_ROOT names, if it is set.
func onEachFRR(t *testing.T, f func(t *testing.T, l *lab)) {
	t.Run("system", func(t *testing.T) { f(t, newLab(t)) })
	if root := os.Getenv("VIADUCT_FRR_ROOT"); root != "" {
		t.Run("root", func(t *testing.T) { f(t, newLabIn(t, root)) })
	}
}

// parsed lists the lines of a running configuration; contexts that are there for
// the kernel's interfaces are left out.
func parsed(text string) []string {
	var out []string
	parseRunning(text).leaves(nil, func(where string, _ []string, n *node) {
		if !strings.HasPrefix(n.text, "interface ") || len(n.kids) > 0 {
			out = append(out, where)
		}
	})
	slices.Sort(out)
	return out
}

// body is a configuration without what is about the host, and without the one
// command that only Proxmox's FRR has.
func body(text string) *desired.FRR {
	text = regexp.MustCompile(`(?m)^ *autort as .*\n`).ReplaceAllString(text, "")
	want := config(text, "bfdd", "bgpd", "fabricd", "isisd", "ospfd")
	want.Blocks = slices.DeleteFunc(want.Blocks, func(b desired.FRRBlock) bool {
		return regexp.MustCompile(`^(hostname|log|service|line) `).MatchString(b.Head)
	})
	return want
}

// interfaces makes the interfaces that a configuration speaks of.
func (l *lab) interfaces(text string) {
	l.t.Helper()
	h, err := netlink.NewHandleAt(netns.NsHandle(l.opts.Namespace.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		l.t.Fatal(err)
	}
	defer h.Close()
	for _, m := range regexp.MustCompile(`(?m)^interface (\S+)`).FindAllStringSubmatch(text, -1) {
		if _, err := h.LinkByName(m[1]); err == nil {
			continue
		}
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: m[1]}, PeerName: "p" + strconv.FormatInt(time.Now().UnixNano()%1e9, 36)}
		if err := h.LinkAdd(veth); err != nil {
			l.t.Fatal(err)
		}
		if err := h.LinkSetUp(veth); err != nil {
			l.t.Fatal(err)
		}
	}
}
