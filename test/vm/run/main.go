// Command run is the VM tier: it compiles the tests that need a distribution's
// whole kernel, or another distribution's programs, takes them into virtual
// machines, shows how they go, and sums up.
//
//	go run ./test/vm/run [-run PATTERN] [-root NAME] [-quick] [-json FILE]
//
// The scenarios (TestVM... of test/e2e) and the tests of packages share one
// machine per root: the system's own, one of Debian 13 and one of Debian testing for
// their FRR. Debian testing changes from day to day: what it had when all passed is in
// test/vm/testing.versions, and with -quick a failure on anything else is told and does
// not count. What
// -run matches (as go test does, but case is as it is) is run and nothing else.
// -quick takes one scenario for each kind of network, as `make test` does; it says
// what it leaves out. The exit status is 1 if a test failed or did not run, and in a machine, which
// lacks nothing, if one was skipped.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// buildDir is where everything is kept that is made.
const buildDir = "build/vm"

// place is somewhere that tests run: a root, on a kernel.
type place struct {
	// name is what -root chooses, title says what is special.
	name, title string
	// root makes the root directory if it is missing.
	root func() (string, error)
	// versions names the file with the packages that the root had when all passed, if
	// its release still changes; empty otherwise.
	versions string
	// inVM runs the tests in a virtual machine; otherwise they run on the present
	// kernel.
	inVM bool
	// short leaves out what scenarios show of faults (go test -short).
	short bool
	// packages are those whose tests run here, but for those that without matches;
	// nil means all.
	packages []string
	without  *regexp.Regexp
	// quick are the packages and scenarios that run with -quick.
	quick *regexp.Regexp
}

// scenarios is the package of the scenarios.
const scenarios = "test/e2e"

// places are where tests run, in order: what breaks first comes first.
func places() []place {
	debian := func(release, cache string) func() (string, error) {
		return func() (string, error) { return script("test/vm/debian", release, cache) }
	}
	debian13, testing := debian("trixie", "build/debian13"), debian("forky", "build/testing")
	const seen = "test/vm/testing.versions"
	withoutFRR := regexp.MustCompile(`^TestVM(VLAN|QinQ|OVS|Trunks|Ifupdown)`)
	return []place{
		{
			name: "debian13-programs", title: "FRR of Debian 13 on this kernel", root: debian13,
			packages: []string{"internal/driver/frr"},
			quick:    regexp.MustCompile(`^internal/driver/frr\.TestFromNothingAndBack$`),
			without:  regexp.MustCompile(`^TestLargeConfiguration$`), // a measurement, which its package makes elsewhere
		},
		{
			name: "testing-programs", title: "FRR of Debian testing on this kernel", root: testing, versions: seen,
			packages: []string{"internal/driver/frr"},
			quick:    regexp.MustCompile(`^internal/driver/frr\.Test(FromNothingAndBack|SessionsStayUp|Policies)$`),
			// FRR 10.7 keeps what it refused and refuses all that follows because of it.
			without: regexp.MustCompile(`^Test(LargeConfiguration|OneRejectedLine)$`),
		},
		{
			name: "system", title: "this system, Debian's kernel", inVM: true,
			root: func() (string, error) { return "/", nil },
			packages: []string{
				"internal/linux/netns", "internal/linux/rtnl", "internal/linux/probe", "internal/driver/link", "internal/driver/route",
				"internal/driver/sysctl", "internal/driver/nft", "internal/driver/ovs", "internal/driver/dnsserver", scenarios,
			},
			quick:   regexp.MustCompile(`^internal/|\.TestVM(VLANAwareBridge|QinQ|OVSVLAN|EVPN|Unnumbered|DHCP|Firewall)$`),
			without: regexp.MustCompile(`^TestTenThousandNames$`), // a figure of this machine, not of an emulated one
		},
		{
			name: "debian13", title: "Debian 13, Debian's kernel", inVM: true, root: debian13, short: true,
			packages: []string{"internal/driver/ovs", scenarios},
			quick:    regexp.MustCompile(`\.TestVMEVPN$`),
			without:  withoutFRR,
		},
		{
			name: "testing", title: "Debian testing, Debian's kernel", inVM: true, root: testing, short: true, versions: seen,
			packages: []string{"internal/driver/ovs", scenarios},
			quick:    regexp.MustCompile(`^$`), // its machine takes minutes; testing-programs is quick
			without:  withoutFRR,
		},
	}
}

func main() {
	pattern := flag.String("run", "", "run the tests that match only, as go test -run does")
	root := flag.String("root", "", "run in this place only: debian13-programs, testing-programs, system, debian13 or testing")
	quick := flag.Bool("quick", false, "run one scenario for each kind of network")
	figures := flag.String("json", "", "merge the figures that scenarios measured into this file")
	flag.Parse()
	failed, err := run(*pattern, *root, *figures, *quick)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test/vm/run:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

func run(pattern, only, figures string, quick bool) (failed bool, err error) {
	start := time.Now()
	chosen, err := choose(places(), only)
	if err != nil {
		return false, err
	}
	if err := compile(chosen); err != nil {
		return false, err
	}
	var done []*outcome
	for _, p := range chosen {
		suites, err := plan(&p, pattern, quick)
		if err != nil {
			return false, err
		}
		if len(suites) == 0 {
			continue
		}
		o, err := p.run(suites)
		if err != nil && quick && p.versions != "" {
			fmt.Printf("%s: left out, since it cannot be run: %v\n", p.title, err)
			continue
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.title, err)
		}
		o.tolerated = quick && len(o.changed) > 0
		done = append(done, o)
	}
	if len(done) == 0 {
		return false, fmt.Errorf("no test of the VM tier matches %q", pattern)
	}
	if figures != "" {
		for _, o := range done {
			err = errors.Join(err, report.Merge(figures, o.figures), report.Table(os.Stdout, o.figures))
		}
	}
	return !summarise(os.Stdout, done, time.Since(start)), err
}

func choose(all []place, only string) ([]place, error) {
	if only == "" {
		return all, nil
	}
	var names []string
	for _, p := range all {
		if p.name == only {
			return []place{p}, nil
		}
		names = append(names, p.name)
	}
	return nil, fmt.Errorf("-root %q: must be one of %s", only, strings.Join(names, ", "))
}

// binary is the compiled tests of a package.
func binary(pkg string) string { return filepath.Join(buildDir, filepath.Base(pkg)+".test") }

// compile compiles the tests of all packages; without C they run in any root.
func compile(places []place) error {
	if err := os.MkdirAll(buildDir, 0o755); err != nil {
		return err
	}
	args := []string{"test", "-c", "-o", buildDir + "/"}
	seen := map[string]bool{}
	for _, p := range places {
		for _, pkg := range p.packages {
			if !seen[pkg] {
				seen[pkg] = true
				args = append(args, "./"+pkg)
			}
		}
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

// suite is the tests of one package that run in one place.
type suite struct {
	pkg   string
	tests []string
	// below is what the pattern says of subtests.
	below string
}

// plan lists what runs in a place.
func plan(p *place, pattern string, quick bool) ([]suite, error) {
	pattern, below, _ := strings.Cut(pattern, "/")
	want, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	var out []suite
	var left []string
	for _, pkg := range p.packages {
		cmd := exec.Command(binary(pkg), "-test.list", ".")
		cmd.Env = append(os.Environ(), "VIADUCT_BINARY=unused")
		list, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("list the tests of %s: %w", pkg, err)
		}
		s := suite{pkg: pkg, below: below}
		for name := range strings.FieldsSeq(string(list)) {
			if !p.takes(pkg, name) || !want.MatchString(name) {
				continue
			}
			if quick && !p.quick.MatchString(pkg+"."+name) {
				left = append(left, name)
				continue
			}
			s.tests = append(s.tests, name)
		}
		if len(s.tests) > 0 {
			out = append(out, s)
		}
	}
	if len(left) > 0 {
		fmt.Printf("%s: left out: %s\n", p.title, strings.Join(left, " "))
	}
	return out, nil
}

// takes reports whether a test, fuzz targets aside, runs in the place.
func (p *place) takes(pkg, name string) bool {
	prefix := "Test"
	if pkg == scenarios {
		prefix = "TestVM"
	}
	return strings.HasPrefix(name, prefix) && (p.without == nil || !p.without.MatchString(name))
}

// script runs one of the scripts and returns what it prints.
func script(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
