package pvedir

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// A directory that is read and written is the same, byte for byte.
func TestThereAndBack(t *testing.T) {
	files := map[string]string{}
	recorded, err := txtar.ParseFile("testdata/recorded.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range recorded.Files {
		files[f.Name] = string(f.Data)
	}
	dir, problems, err := Read(files)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	if dir.Applied {
		t.Error("applied without a running configuration")
	}
	dir.Version = 7
	got, err := Write(dir, dir.Config)
	if err != nil {
		t.Fatal(err)
	}
	running := got[fileRunning]
	delete(got, fileRunning)
	if d := cmp.Diff(files, got); d != "" {
		t.Error(d)
	}
	files[fileRunning] = running
	if dir, problems, err = Read(files); err != nil || len(problems) > 0 || !dir.Applied || dir.Version != 7 {
		t.Errorf("with the running configuration: applied %v, version %d, %v %v", dir.Applied, dir.Version, problems, err)
	}
	files[fileRunning] = strings.ReplaceAll(running, "9000", "1500")
	if dir, _, err = Read(files); err != nil || dir.Applied {
		t.Errorf("another one runs: applied %v, %v", dir.Applied, err)
	}
}

func TestWhatCannotBeTaken(t *testing.T) {
	_, problems, err := Read(map[string]string{
		fileZones:   "faucet: f\n\tdp-id 1\n\nsimple: ok\n\tmtu big\n\tbridge vmbr0\n\tnew-option x\n",
		fileSubnets: "subnet: nonsense\n\tvnet v\n\nsubnet: ok-10.0.0.0-8\n\tvnet nowhere\n",
		fileIPAMs:   "netbox: n\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`zone f: type "faucet": was left out: this release knows evpn, qinq, simple, vlan, vxlan`,
		`zone ok: bridge "vmbr0": was passed over: it is no option of type simple that this release knows`,
		`zone ok: mtu "big": was passed over: type check ('integer') failed - got 'big'`,
		`zone ok: new-option "x": was passed over: it is no option of type simple that this release knows`,
		`subnet nonsense: id "nonsense": was left out: is not written like zone-10.0.1.0-24`,
		`subnet 10.0.0.0/8: was left out: subnet 10.0.0.0/8: vnet "nowhere": no such vnet; declare the vnet first or correct the name`,
		`ipam n: was left out: missing value for required option 'url'`,
	}, "\n")
	if d := cmp.Diff(want, problems.Error()); d != "" {
		t.Error(d)
	}
	if _, _, err := Read(map[string]string{fileVNets: "\tzone z\n"}); err == nil || !strings.Contains(err.Error(), "vnets.cfg: line 1") {
		t.Errorf("a file that is none: %v", err)
	}
}
