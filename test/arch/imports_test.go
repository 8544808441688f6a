// Package arch holds the rules of the code's structure, as tests.
package arch

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/viaduct-sdn/viaduct/"

// flow says which packages of Viaduct each package may import: the one-way flow
// of docs/design.md. An entry covers the packages below it; the longest match
// counts, and a package that no entry covers fails the test.
var flow = map[string][]string{
	"internal/line":                  {},
	"internal/model":                 {"internal/line"},
	"internal/desired":               {},
	"internal/diff":                  {"internal/line", "internal/model", "internal/desired"},
	"internal/protocol":              {"internal/model", "internal/diff"},
	"internal/health":                {"internal/protocol", "pkg/api"},
	"internal/frr":                   {"internal/desired"},
	"internal/routing":               {"internal/model", "internal/frr"},
	"internal/compile":               {"internal/model", "internal/desired", "internal/protocol", "internal/frr", "internal/routing"},
	"internal/manifest":              {"internal/line", "internal/model"},
	"internal/pve":                   {"internal/line", "internal/model"},
	"internal/pvefw":                 {"internal/model"},
	"internal/pvesdn":                {"internal/model", "internal/pve"},
	"internal/pveguest":              {"internal/model"},
	"internal/pvedir":                {"internal/model", "internal/pve", "internal/pvesdn", "internal/pvefw"},
	"internal/ifupdown":              {"internal/model", "internal/pvesdn"},
	"internal/pvefrr":                {"internal/model", "internal/pvesdn", "internal/frr", "internal/routing"},
	"internal/delay":                 {},
	"internal/store":                 {},
	"internal/store/mem":             {"internal/store"},
	"internal/store/mirror":          {"internal/store", "internal/delay"},
	"internal/store/etcd":            {"internal/store", "internal/delay"},
	"internal/store/conformance":     {"internal/store"},
	"internal/revision":              {"internal/line", "internal/model", "internal/diff", "internal/store", "internal/delay"},
	"internal/access":                {"internal/line", "internal/store"},
	"internal/audit":                 {"internal/store", "internal/delay"},
	"internal/backup":                {"internal/store"},
	"internal/pki":                   {"internal/store", "internal/store/mirror", "internal/protocol", "pkg/api", "internal/delay"},
	"internal/ipam":                  {"internal/model", "internal/pve", "internal/protocol", "internal/store", "internal/revision", "internal/ipam/plugin", "internal/delay"},
	"internal/ipam/plugin":           {"internal/model"},
	"internal/ipam/systems":          {"internal/model", "internal/ipam", "internal/powerdns", "internal/remote"},
	"internal/remote":                {"internal/model", "internal/ipam/plugin", "internal/delay"},
	"internal/ipam/netbox":           {"internal/model", "internal/ipam/plugin", "internal/remote"},
	"internal/ipam/phpipam":          {"internal/model", "internal/ipam/plugin", "internal/remote"},
	"internal/powerdns":              {"internal/model", "internal/ipam/plugin", "internal/remote", "internal/delay"},
	"internal/server":                {"internal/health", "internal/line", "internal/model", "internal/desired", "internal/diff", "internal/protocol", "internal/compile", "internal/store", "internal/revision", "internal/ipam", "internal/pki", "internal/access", "internal/audit", "internal/backup", "internal/server", "pkg/api", "internal/remote", "internal/delay"},
	"internal/server/api":            {"internal/health", "internal/line", "internal/model", "internal/diff", "internal/protocol", "internal/pve", "internal/revision", "internal/ipam", "internal/pki", "internal/access", "internal/audit", "internal/server", "pkg/api", "internal/store", "internal/desired", "internal/compile", "internal/delay"},
	"internal/server/pveapi":         {"internal/health", "internal/model", "internal/pve", "internal/pvedir", "internal/pvesdn", "internal/ifupdown", "internal/pvefrr", "internal/protocol", "internal/store", "internal/revision", "internal/pki", "internal/access", "internal/audit", "internal/server", "pkg/api", "internal/ipam", "internal/remote"},
	"internal/server/task":           {"internal/store", "internal/delay"},
	"internal/netns":                 {},
	"internal/rtnl":                  {"internal/netns"},
	"internal/probe":                 {"internal/model", "internal/netns", "internal/rtnl"},
	"internal/driver":                {"internal/desired", "internal/diff"},
	"internal/driver/watch":          {},
	"internal/driver/sockets":        {"internal/netns"},
	"internal/driver/link":           {"internal/driver", "internal/desired", "internal/diff", "internal/rtnl", "internal/netns"},
	"internal/driver/route":          {"internal/driver", "internal/desired", "internal/diff", "internal/rtnl", "internal/netns"},
	"internal/driver/sysctl":         {"internal/driver", "internal/desired", "internal/diff", "internal/netns"},
	"internal/foreign":               {},
	"internal/driver/nft":            {"internal/foreign", "internal/driver", "internal/desired", "internal/diff", "internal/netns"},
	"internal/driver/ovs":            {"internal/driver", "internal/desired", "internal/diff", "internal/netns"},
	"internal/driver/frr":            {"internal/driver/watch", "internal/driver", "internal/desired", "internal/diff", "internal/rtnl", "internal/netns", "internal/frr", "internal/delay"},
	"internal/dnsmasq":               {"internal/desired"},
	"internal/driver/dnsmasq":        {"internal/driver/sockets", "internal/driver/watch", "internal/driver", "internal/desired", "internal/diff", "internal/netns", "internal/dnsmasq"},
	"internal/driver/ifupdown2":      {"internal/driver", "internal/desired", "internal/diff", "internal/rtnl", "internal/netns", "internal/ifupdown", "internal/delay"},
	"internal/agent":                 {"internal/foreign", "internal/model", "internal/routing", "internal/desired", "internal/diff", "internal/protocol", "internal/compile", "internal/driver", "internal/rtnl", "internal/probe", "internal/pki", "pkg/api", "internal/delay"},
	"internal/lab":                   {"internal/model", "internal/netns", "pkg/api", "pkg/client", "internal/delay", "internal/probe"},
	"internal/cli":                   {"internal/health", "internal/line", "internal/backup", "internal/model", "internal/manifest", "internal/pvedir", "internal/pveguest", "internal/pvesdn", "internal/ifupdown", "internal/pvefrr", "internal/diff", "internal/protocol", "internal/lab", "internal/nameserver/coredns", "pkg/api", "pkg/client", "internal/delay"},
	"pkg/api":                        {"internal/model", "internal/diff", "internal/protocol"},
	"pkg/client":                     {"internal/model", "pkg/api"},
	"cmd/viaduct":                    {"internal", "pkg"},
	"examples":                       {},
	"test":                           {"internal", "pkg", "test"},
	"internal/powerdns/powerdnstest": {"internal/model", "internal/delay", "test/requires"},

	// The name server of a node is a process of its own.
	"internal/nameserver":         {"internal/desired"},
	"internal/nameserver/coredns": {"internal/desired", "internal/nameserver"},
	"internal/driver/nameserver":  {"internal/driver/sockets", "internal/driver", "internal/desired", "internal/diff", "internal/netns", "internal/nameserver", "internal/delay"},
}

// pure are the packages that compute and do nothing else: the standard library
// packages below are closed to them, and so is every module but the standard
// library.
var pure = []string{"internal/model", "internal/desired", "internal/diff", "internal/foreign", "internal/health", "internal/compile", "internal/pve", "internal/pvesdn", "internal/pvedir", "internal/pveguest", "internal/ifupdown", "internal/frr", "internal/routing", "internal/pvefrr", "internal/nameserver", "internal/dnsmasq"}

var impure = []string{
	"context", "crypto/rand", "io/fs", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2",
	"net", "net/http", "os", "os/exec", "os/signal", "runtime", "syscall", "time", "unsafe",
}

type pkg struct {
	path    string // below the module
	imports []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	var pkgs []pkg
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if path, ok := strings.CutPrefix(f[0], module); ok {
			pkgs = append(pkgs, pkg{path: path, imports: f[1:]})
		}
	}
	if len(pkgs) < 10 {
		t.Fatalf("only %d packages found: the test looks in the wrong place", len(pkgs))
	}
	return pkgs
}

func covers(entry, path string) bool {
	return path == entry || strings.HasPrefix(path, entry+"/")
}

func allowed(path string) (list []string, ok bool) {
	longest := ""
	for entry, imports := range flow {
		if covers(entry, path) && len(entry) > len(longest) {
			longest, list, ok = entry, imports, true
		}
	}
	return list, ok
}

func TestImportsFollowTheFlow(t *testing.T) {
	for _, p := range packages(t) {
		list, ok := allowed(p.path)
		if !ok {
			t.Errorf("%s has no place in the flow: add it to the table", p.path)
			continue
		}
		for _, imp := range p.imports {
			inner, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			if !slices.ContainsFunc(list, func(entry string) bool { return covers(entry, inner) }) {
				t.Errorf("%s imports %s, which is against the flow", p.path, inner)
			}
		}
	}
}

func TestPurePackagesStayPure(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.path) {
			continue
		}
		for _, imp := range p.imports {
			if slices.Contains(impure, imp) {
				t.Errorf("%s is pure and must not import %s", p.path, imp)
			}
			if !strings.HasPrefix(imp, module) && strings.Contains(strings.Split(imp, "/")[0], ".") {
				t.Errorf("%s is pure and must not import the module %s", p.path, imp)
			}
		}
	}
}

// TestTheRulesBite shows that the checks above can fail.
func TestTheRulesBite(t *testing.T) {
	list, ok := allowed("internal/compile")
	if !ok || slices.ContainsFunc(list, func(e string) bool { return covers(e, "internal/driver/link") }) {
		t.Error("compile may import drivers: the table is wrong")
	}
	if list, _ := allowed("internal/store/etcd"); slices.Contains(list, "internal/model") {
		t.Error("a store may import the model: the table is wrong")
	}
}
