package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// compareAddrs lets cmp compare addresses, which have unexported fields.
var compareAddrs = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoadFilesDirectoriesAndStdin(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b.yml", "kind: zone\nid: zb\ntype: simple\n")
	write(t, dir, "a.yaml", "\ufeffkind: zone\r\nid: za\r\ntype: simple\r\n")
	write(t, dir, "c.json", "{\n\t\"kind\": \"zone\",\n\t\"id\": \"zc\", \"type\": \"simple\"}")
	write(t, dir, "README.md", "not a manifest: [")
	if err := os.Mkdir(filepath.Join(dir, "deeper.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	one := write(t, t.TempDir(), "any-name", "kind: zone\nid: zd\ntype: simple\n")
	set, err := Load([]string{dir, Stdin, one}, strings.NewReader("kind: zone\nid: ze\ntype: simple\n"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, o := range set.Objects {
		ids = append(ids, o.ObjectID())
	}
	if got := strings.Join(ids, " "); got != "za zb zc ze zd" {
		t.Errorf("loaded %s", got)
	}
	if pos, ok := set.Position(model.KindZone, "ze", "type"); !ok || pos.String() != "<stdin>:3:7" {
		t.Errorf("position %v, %v", pos, ok)
	}
}

func TestLoadRefusesMissingAndEmpty(t *testing.T) {
	if _, err := Load([]string{filepath.Join(t.TempDir(), "no.yaml")}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load([]string{t.TempDir()}, nil); err == nil || !strings.Contains(err.Error(), "no manifest in directory") {
		t.Errorf("empty directory: %v", err)
	}
	if _, err := Load([]string{Stdin}, nil); err == nil {
		t.Error("no standard input: no error")
	}
	dir := t.TempDir()
	bad := write(t, dir, "bad.yaml", "kind: zone\nid: \xff\xfe\n")
	if _, err := Load([]string{bad}, nil); err == nil || !strings.Contains(err.Error(), "bad.yaml:2:5: this is not UTF-8") {
		t.Errorf("invalid UTF-8: %v", err)
	}
}

func TestLoadBoundsInput(t *testing.T) {
	big := strings.Repeat("# nothing\n", MaxInput/10+1)
	if _, err := Load([]string{Stdin}, strings.NewReader(big)); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("huge input: %v", err)
	}
	doc := "kind: zone\nid: za\nalias: " + strings.Repeat("x", MaxDocument)
	if _, err := Load([]string{Stdin}, strings.NewReader(doc)); err == nil || !strings.Contains(err.Error(), "larger than 1024 KiB") {
		t.Errorf("huge document: %v", err)
	}
	many := strings.Repeat("kind: zoen\n---\n", 200)
	_, err := Load([]string{Stdin}, strings.NewReader(many))
	if err == nil || !strings.Contains(err.Error(), "... and 150 more") {
		t.Errorf("many errors are not bounded: %v", err)
	}
}

// Reading must stay linear: this is what a large site applies.
func TestLoadThousands(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "---\nkind: vnet\nid: v%d\nzone: za\ntag: %d\n", i, i+1)
	}
	set, err := Load([]string{Stdin}, strings.NewReader(b.String()))
	if err != nil || len(set.Objects) != 5000 {
		t.Fatalf("%v", err)
	}
}

func TestEditsAreInDependencyOrder(t *testing.T) {
	set, err := Load([]string{Stdin}, strings.NewReader(
		"{kind: guest, id: 100}\n---\n{kind: subnet, id: 10.0.0.0/24, vnet: va}\n---\n{kind: vnet, id: vb}\n---\n{kind: vnet, id: va}\n---\n{kind: zone, id: za}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range set.Edits() {
		got = append(got, model.Ref(e.Kind, e.ID))
	}
	want := []string{"zone/za", "vnet/vb", "vnet/va", "subnet/10.0.0.0/24", "guest/100"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFormatOfWhatIsInNoManifest(t *testing.T) {
	set, err := Load([]string{Stdin}, strings.NewReader("{kind: zone, id: za}"))
	if err != nil {
		t.Fatal(err)
	}
	p := model.Problem{Severity: model.Error, Kind: model.KindVNet, ID: "old", Field: "zone", Value: "zb", Message: "does not exist"}
	if got := set.Format(p); got != `error: vnet old: zone "zb": does not exist` {
		t.Errorf("%s", got)
	}
	if set.Find(model.KindVNet, "old") != nil || set.Find(model.KindZone, "za") == nil {
		t.Error("found what is not there, or not what is")
	}
}

func TestParseValue(t *testing.T) {
	fields := map[string]model.FieldInfo{}
	for _, k := range model.Kinds() {
		for _, f := range model.Fields(k) {
			fields[string(k)+"."+f.Name] = f
		}
	}
	addr := netip.MustParseAddr
	tests := []struct {
		field, text string
		want        any
		err         string
	}{
		{"zone.mtu", "1400", 1400, ""},
		{"zone.mtu", "big", nil, `mtu: expected a whole number, got "big"`},
		{"zone.peers", "192.0.2.1,192.0.2.2", []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}, ""},
		{"zone.peers", "[192.0.2.1, 192.0.2.2]", []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}, ""},
		{"zone.peers", "[192.0.2.1", nil, "not found"},
		{"zone.nodes", "node1 node2", []string{"node1", "node2"}, ""},
		{"vnet.alias", "a b", "a b", ""},
		{"vnet.vlanaware", "yes", true, ""},
		{"subnet.cidr", "10.0.0.0/8", netip.MustParsePrefix("10.0.0.0/8"), ""},
		{"subnet.dhcp-range", "start-address=10.0.0.1,end-address=10.0.0.2", []model.Range{{Start: addr("10.0.0.1"), End: addr("10.0.0.2")}}, ""},
		{"guest.nics", "[{id: net0, vnet: vnet1, ips: 10.0.0.1}]", []model.NIC{{ID: "net0", VNet: "vnet1", IPs: []netip.Addr{addr("10.0.0.1")}}}, ""},
		{"guest.nics", "{id: net0, vnet: vnet1}", []model.NIC{{ID: "net0", VNet: "vnet1"}}, ""},
	}
	for _, tt := range tests {
		got, err := ParseValue(fields[tt.field], tt.text)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s=%s: error %v, want %q", tt.field, tt.text, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s=%s: %v", tt.field, tt.text, err)
		} else if d := cmp.Diff(tt.want, got, compareAddrs); d != "" {
			t.Errorf("%s=%s: %s", tt.field, tt.text, d)
		}
	}
}
