// Package arch tests the rules of the code's structure.
package arch

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/viaduct-sdn/viaduct/"

// flow lists which packages of Viaduct each package may import: the one-way flow
// of docs/architecture/overview.md. An entry covers the packages below it; the longest match
// counts, and a package without an entry fails the test.
var flow = map[string][]string{
	"internal/line":                           {},
	"internal/message":                        {},
	"internal/model":                          {"internal/line"},
	"internal/desired":                        {},
	"internal/diff":                           {"internal/line", "internal/model", "internal/desired"},
	"internal/document":                       {"internal/model"},
	"internal/naming":                         {},
	"internal/fault":                          {},
	"internal/livequery":                      {"internal/model", "internal/diff"},
	"internal/reach":                          {"internal/model", "internal/desired", "internal/naming"},
	"internal/protocol":                       {"internal/livequery", "internal/model", "internal/diff", "internal/fault"},
	"internal/health":                         {"internal/fault", "internal/protocol", "pkg/api"},
	"internal/topology":                       {"internal/diff", "internal/health", "internal/model", "internal/protocol", "pkg/api"},
	"internal/render/frr":                     {"internal/desired"},
	"internal/routing":                        {"internal/naming", "internal/model", "internal/render/frr"},
	"internal/compile":                        {"internal/naming", "internal/model", "internal/desired", "internal/document", "internal/fault", "internal/render/frr", "internal/routing"},
	"internal/manifest":                       {"internal/line", "internal/model"},
	"internal/pve/section":                    {},
	"internal/pve/schema":                     {"internal/line", "internal/model", "internal/pve/section"},
	"internal/pve/firewall":                   {"internal/model"},
	"internal/pve/running":                    {"internal/naming", "internal/model", "internal/pve/section", "internal/pve/schema"},
	"internal/pve/guest":                      {"internal/model"},
	"internal/pve/config":                     {"internal/model", "internal/pve/section", "internal/pve/schema", "internal/pve/running", "internal/pve/firewall"},
	"internal/render/interfaces":              {"internal/model"},
	"internal/pve/render/interfaces":          {"internal/naming", "internal/model", "internal/pve/running", "internal/pve/schema", "internal/render/interfaces"},
	"internal/pve/render/frr":                 {"internal/naming", "internal/model", "internal/pve/running", "internal/render/frr", "internal/routing"},
	"internal/sleep":                          {},
	"internal/store":                          {"internal/sleep"},
	"internal/store/mem":                      {"internal/store"},
	"internal/store/mirror":                   {"internal/store", "internal/sleep"},
	"internal/store/etcd":                     {"internal/store", "internal/sleep"},
	"internal/store/groupcommit":              {},
	"internal/store/conformance":              {"internal/store"},
	"internal/revision":                       {"internal/line", "internal/model", "internal/diff", "internal/store", "internal/sleep"},
	"internal/sector":                         {"internal/model", "internal/revision", "internal/store"},
	"internal/access":                         {"internal/line", "internal/store"},
	"internal/audit":                          {"internal/store", "internal/sleep"},
	"internal/backup":                         {"internal/store"},
	"internal/pki":                            {"internal/store", "internal/store/mirror", "internal/protocol", "pkg/api", "internal/sleep"},
	"internal/ipam":                           {"internal/model", "internal/pve/schema", "internal/protocol", "internal/store", "internal/revision", "=internal/external", "internal/sleep"},
	"internal/external":                       {"internal/model"},
	"internal/external/systems":               {"internal/model", "internal/external"},
	"internal/external/rest":                  {"internal/model", "=internal/external", "internal/sleep"},
	"internal/external/netbox":                {"internal/model", "=internal/external", "internal/external/rest"},
	"internal/external/phpipam":               {"internal/model", "=internal/external", "internal/external/rest"},
	"internal/external/powerdns":              {"internal/model", "internal/external", "internal/external/rest", "internal/sleep"},
	"web":                                     {},
	"docs":                                    {},
	"internal/server":                         {"internal/livequery", "internal/document", "internal/fault", "internal/health", "internal/line", "internal/model", "internal/desired", "internal/diff", "internal/protocol", "internal/compile", "internal/store", "internal/revision", "internal/sector", "internal/ipam", "internal/pki", "internal/access", "internal/audit", "internal/backup", "internal/server", "pkg/api", "internal/external", "internal/sleep", "web", "docs", "=internal/topology", "internal/render/frr", "internal/render/dnsmasq", "internal/render/coredns"},
	"internal/server/api":                     {"internal/livequery", "internal/fault", "internal/external", "internal/health", "internal/line", "internal/model", "internal/diff", "internal/protocol", "internal/pve/schema", "internal/revision", "internal/ipam", "internal/pki", "internal/access", "internal/audit", "internal/server", "pkg/api", "internal/store", "internal/desired", "internal/compile", "internal/sleep", "=internal/topology", "internal/reach"},
	"internal/server/pveapi":                  {"internal/livequery", "internal/health", "internal/model", "internal/pve/schema", "internal/pve/config", "internal/pve/running", "internal/pve/render", "internal/protocol", "internal/store", "internal/revision", "internal/pki", "internal/access", "internal/audit", "internal/server", "pkg/api", "internal/ipam", "internal/external"},
	"internal/topology/svg":                   {"pkg/api"},
	"internal/server/positions":               {"internal/store", "pkg/api"},
	"internal/server/task":                    {"internal/store", "internal/sleep"},
	"internal/linux/netns":                    {},
	"internal/linux/rtnl":                     {"internal/linux/netns"},
	"internal/linux/probe":                    {"internal/model", "internal/linux/netns", "internal/linux/rtnl"},
	"internal/driver":                         {"internal/desired", "internal/diff"},
	"internal/linux/processes":                {},
	"internal/linux/sockets":                  {"internal/linux/netns"},
	"internal/linux/conntrack":                {"internal/linux/netns", "internal/linux/rtnl"},
	"internal/driver/space":                   {"internal/driver", "internal/desired", "internal/diff", "internal/naming", "internal/linux/netns", "internal/linux/rtnl"},
	"internal/driver/link":                    {"internal/driver", "internal/desired", "internal/diff", "internal/linux/rtnl", "internal/linux/netns"},
	"internal/driver/route":                   {"internal/driver", "internal/desired", "internal/diff", "internal/linux/rtnl", "internal/linux/netns"},
	"internal/driver/sysctl":                  {"internal/driver", "internal/desired", "internal/diff", "internal/linux/netns"},
	"internal/linux/foreign":                  {},
	"internal/driver/nft":                     {"internal/linux/foreign", "internal/driver", "internal/desired", "internal/diff", "internal/linux/netns"},
	"internal/driver/ovs":                     {"internal/driver", "internal/desired", "internal/diff", "internal/linux/netns"},
	"internal/driver/frr":                     {"internal/model", "internal/linux/processes", "internal/driver", "internal/desired", "internal/diff", "internal/linux/rtnl", "internal/linux/netns", "internal/render/frr", "internal/sleep"},
	"internal/render/dnsmasq":                 {"internal/desired"},
	"internal/render/haproxy":                 {"internal/desired"},
	"internal/driver/haproxy":                 {"internal/model", "internal/naming", "internal/linux/sockets", "internal/linux/processes", "internal/driver", "internal/desired", "internal/diff", "internal/linux/netns", "internal/render/haproxy", "internal/sleep"},
	"internal/driver/dnsmasq":                 {"internal/linux/sockets", "internal/linux/processes", "internal/driver", "internal/desired", "internal/diff", "internal/linux/netns", "internal/render/dnsmasq"},
	"internal/driver/ifupdown2":               {"internal/driver", "internal/desired", "internal/diff", "internal/linux/rtnl", "internal/linux/netns", "internal/render/interfaces", "internal/sleep"},
	"internal/agent":                          {"internal/livequery", "internal/linux/netns", "internal/naming", "internal/document", "internal/fault", "internal/linux/sockets", "internal/linux/foreign", "internal/model", "internal/routing", "internal/desired", "internal/diff", "internal/protocol", "internal/compile", "internal/driver", "internal/linux/rtnl", "internal/linux/probe", "internal/pki", "internal/render/dnsmasq", "internal/render/haproxy", "pkg/api", "internal/sleep"},
	"internal/lab":                            {"internal/naming", "internal/model", "internal/linux/netns", "pkg/api", "pkg/client", "internal/sleep", "internal/linux/probe"},
	"internal/cli":                            {"internal/livequery", "internal/naming", "internal/fault", "internal/health", "internal/line", "internal/backup", "internal/model", "internal/manifest", "internal/pve/config", "internal/pve/guest", "internal/pve/running", "internal/pve/render", "internal/diff", "internal/protocol", "internal/render/interfaces", "internal/lab", "internal/dnsserver", "pkg/api", "pkg/client", "internal/sleep", "internal/topology"},
	"pkg/api":                                 {"internal/livequery", "internal/fault", "internal/model", "internal/diff", "internal/protocol", "internal/reach"},
	"pkg/client":                              {"internal/model", "pkg/api"},
	"cmd/viaduct":                             {"internal", "pkg"},
	"examples":                                {},
	"test":                                    {"internal", "pkg", "test"},
	"internal/external/powerdns/powerdnstest": {"internal/model", "internal/sleep", "test/requires"},

	// The DNS server of a node is a process of its own.
	"internal/render/coredns":   {"internal/desired"},
	"internal/dnsserver":        {"internal/desired", "internal/render/coredns"},
	"internal/driver/dnsserver": {"internal/linux/sockets", "internal/driver", "internal/desired", "internal/diff", "internal/linux/netns", "internal/render/coredns", "internal/sleep"},
}

// anywhere are the packages that every other one may import.
var anywhere = []string{"internal/message"}

// pure are the packages that only compute: they must not import the standard library
// packages below, nor any module but the standard library.
var pure = []string{"internal/message", "internal/model", "internal/desired", "internal/diff", "internal/linux/foreign", "internal/health", "internal/topology", "internal/topology/svg", "internal/fault", "internal/naming", "internal/document", "internal/compile", "internal/pve/section", "internal/pve/schema", "internal/pve/running", "internal/pve/config", "internal/pve/firewall", "internal/pve/guest", "internal/pve/render/interfaces", "internal/render/interfaces", "internal/render/frr", "internal/routing", "internal/pve/render/frr", "internal/render/coredns", "internal/render/dnsmasq", "internal/render/haproxy", "internal/reach"}

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

// covers reports whether an entry of the table covers a package: it is that package's
// path or one above it, or with "=" before it exactly that path.
func covers(entry, path string) bool {
	if exact, ok := strings.CutPrefix(entry, "="); ok {
		return path == exact
	}
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
			if !slices.Contains(anywhere, inner) && !slices.ContainsFunc(list, func(entry string) bool { return covers(entry, inner) }) {
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
