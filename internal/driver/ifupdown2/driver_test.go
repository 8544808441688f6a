package ifupdown2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// bridge is a simple VNet.
func bridge(name string, mtu int) desired.Link {
	return desired.Link{Name: name, Kind: desired.LinkBridge, Owner: "vnet/" + name, MTU: mtu, NoLinkLocal: true, Bridge: &desired.Bridge{}}
}

func (l *lab) wantOurs(names ...string) {
	l.t.Helper()
	if d := cmp.Diff(names, l.owned()); d != "" {
		l.t.Errorf("owned links:\n%s", d)
	}
}

func TestMakesChangesAndRemovesLinks(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.settle(overlay())
	if d := cmp.Diff(overlayFile, l.file()); d != "" {
		t.Error(d)
	}
	l.wantOurs("vnet1", "vxlan_vnet1")

	want := overlay()
	want.Links[1].VXLAN.ID = 101
	want.Links = append(want.Links, bridge("vnet2", 1400))
	l.ip("link", "add", "veth100i0", "type", "veth", "peer", "name", "guest")
	l.ip("link", "set", "veth100i0", "master", "vnet1")
	l.settle(want)
	l.wantOurs("vnet1", "vnet2", "vxlan_vnet1")
	if out := l.ip("-d", "link", "show", "vxlan_vnet1"); !strings.Contains(out, "vxlan id 101") || !strings.Contains(out, "master vnet1") {
		t.Errorf("the tunnel was not made anew: %s", out)
	}
	if out := l.ip("link", "show", "veth100i0"); !strings.Contains(out, "master vnet1") {
		t.Errorf("the guest's port was lost: %s", out)
	}

	l.settle(&desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet2", 1500)}})
	l.wantOurs("vnet2")
	if out := l.ip("link", "show", "vnet2"); !strings.Contains(out, "mtu 1500") {
		t.Errorf("the MTU did not change: %s", out)
	}

	l.write(ownPath, marker+"\nauto vnet2\nno stanza\n")
	l.settle(&desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet2", 1500)}})
	l.wantOurs("vnet2")
	l.write(ownPath, marker+"\nno stanza\n")
	l.settle(&desired.Space{Backend: Backend})

	// Back to netlink: the file goes, and so do the links, which driver/link makes.
	l.settle(&desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet2", 1500)}})
	l.settle(&desired.Space{Links: []desired.Link{bridge("vnet2", 1500)}})
	l.wantOurs()
	if f := l.file(); f != "" {
		t.Errorf("the file is left:\n%s", f)
	}
}

// One stanza that ifupdown2 fails on is left out until it changes; the others, and
// the operator's own that fail, are another matter.
func TestFailedStanzaIsLeftOut(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.write("etc/network/interfaces", operator+"\nauto theirs\niface theirs\n\tvlan-raw-device missing\n\tvlan-id 5\n")
	good := &desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet1", 1500)}}
	l.settle(good)
	l.wantOurs("vnet1")

	bad := &desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet1", 1500), bridge("vnet2", 1500),
		{Name: "none.5", Kind: desired.LinkVLAN, Owner: "vnet/vnet2", Master: "vnet2", VLAN: &desired.VLAN{Parent: "none", ID: 5}}}}
	for i, writes := range []int{2, 0} { // the file with a mark, then nothing
		r, err := l.pass(bad)
		failed := driver.ObjectErrors(err)
		if len(failed) != 1 || failed[0].Owner != "vnet/vnet2" || !strings.Contains(err.Error(), "none") || r.Writes != writes {
			t.Errorf("pass %d: %d writes, %v", i, r.Writes, err)
		}
	}
	l.wantOurs("vnet1", "vnet2")
	if f := l.file(); !strings.Contains(f, "iface vnet2\n\tbridge-ports none\n") || strings.Contains(f, "none.5") {
		t.Errorf("the file:\n%s", f)
	}
	l.settle(good)
	l.wantOurs("vnet1")
}

func TestForeignThingsAreLeftAlone(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.ip("link", "add", "vnet1", "type", "bridge")
	want := &desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet1", 1400), bridge("vnet2", 1500)}}
	l.settle(want)
	l.wantOurs("vnet2")
	if f := l.file(); strings.Contains(f, "vnet1") {
		t.Errorf("a link that somebody else made is in the file:\n%s", f)
	}

	l.d.o.Reserved = func(name string) bool { return name == "vnet2" }
	want = &desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet3", 1500)}}
	l.settle(want)
	l.wantOurs("vnet2", "vnet3")
	if f := l.file(); !strings.Contains(f, "# reserved\nauto vnet2\n") {
		t.Errorf("a link that is reserved by now was taken from the file:\n%s", f)
	}

	l.write(ownPath, "auto vnet1\niface vnet1\n")
	if _, err := l.pass(want); err == nil || !strings.Contains(err.Error(), "was not made by Viaduct") {
		t.Errorf("a file without our marker: %v", err)
	}
	for _, want := range []*desired.Space{{}, {Backend: Backend}} {
		_, _ = l.pass(want)
	}
	if f := l.file(); f != "auto vnet1\niface vnet1\n" {
		t.Errorf("the operator's file is now:\n%s", f)
	}
}

// Links that ifupdown2 made before the agent ran, as at boot, are known as owned.
func TestLinksOfTheFileAreMarked(t *testing.T) {
	t.Parallel()
	l := start(t)
	want := &desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet1", 1500)}}
	l.settle(want)
	l.ip("link", "del", "vnet1")
	if _, err := l.d.run(t.Context(), "ifup", "-a"); err != nil {
		t.Fatal(err)
	}
	l.wantOurs()
	if !l.d.Names()["vnet1"] {
		t.Error("the file's links are not told")
	}
	r, err := l.pass(want)
	if err != nil || r.Writes != 1 {
		t.Errorf("%d writes, %v", r.Writes, err)
	}
	l.wantOurs("vnet1")
}

func TestWhatKeepsIfupdown2FromBeingUsed(t *testing.T) {
	t.Parallel()
	l := start(t)
	want := &desired.Space{Backend: Backend, Links: []desired.Link{bridge("vnet1", 1500)}}

	l.write("etc/network/interfaces", "auto lo\niface lo inet loopback\n")
	if _, err := l.pass(want); err == nil || !strings.Contains(err.Error(), "add the line `source /etc/network/interfaces.d/*`") {
		t.Errorf("a file that does not read ours: %v", err)
	}
	for _, line := range []string{"source interfaces.d/*", "source-directory /etc/network/interfaces.d", "source /etc/network/interfaces.d/viaduct"} {
		l.write("etc/network/interfaces", line+"\n")
		if err := l.d.sourced(); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}

	l.write("etc/network/interfaces", operator)
	lock, err := os.OpenFile(filepath.Join(l.root, "run/.lock"), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := l.pass(want); err == nil || !strings.Contains(err.Error(), "has been running for") {
		t.Errorf("another run that does not end: %v", err)
	}
	if f := l.file(); f != "" {
		t.Errorf("a file that could not be loaded is left:\n%s", f)
	}
}
