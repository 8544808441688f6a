// Command run is the VM tier: it compiles the tests that need a distribution's whole
// kernel, or another distribution's programs, runs them in virtual machines, shows
// their progress, and summarizes the results.
//
//	go run ./test/vm/run [-run PATTERN] [-root NAME] [-quick] [-json FILE]
//
// The scenarios (TestVM... of test/e2e) and the tests of packages share one machine per
// root: the system's own, one of Debian 13 and one of Debian testing for their FRR.
// Debian testing changes every day: the versions of the last full pass are in
// test/vm/testing.versions, and with -quick a failure on other versions is reported and
// does not count. Only tests that match -run (as in go test, but case-sensitive) are
// run. -quick runs one scenario for each kind of network, as `make test` does; it lists
// what it leaves out. The exit status is 1 if a test failed or did not run, or was
// skipped in a machine, which has everything.
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

// buildDir is the directory of all build results.
const buildDir = "build/vm"

// place is an environment for tests: a root, on a kernel.
type place struct {
	// name is the value for -root, title describes its specifics.
	name, title string
	// root creates the root directory if it is missing.
	root func() (string, error)
	// versions names the file with the package versions of the last full pass, if the
	// root's release still changes; empty otherwise.
	versions string
	// inVM is true if the tests run in a virtual machine; otherwise they run on the
	// current kernel.
	inVM bool
	// short leaves out the parts of scenarios about faults (go test -short).
	short bool
	// packages are the packages with tests that run here, except those that without
	// matches; nil means all.
	packages []string
	without  *regexp.Regexp
	// quick are the packages and scenarios that run with -quick.
	quick *regexp.Regexp
}

// scenarios is the package of the scenarios.
const scenarios = "test/e2e"

// places returns the environments in order: the most likely failures come first.
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
			without:  regexp.MustCompile(`^TestLargeConfiguration$`), // a measurement, made elsewhere by its package
		},
		{
			name: "testing-programs", title: "FRR of Debian testing on this kernel", root: testing, versions: seen,
			packages: []string{"internal/driver/frr"},
			quick:    regexp.MustCompile(`^internal/driver/frr\.Test(FromNothingAndBack|SessionsStayUp|Policies)$`),
			// FRR 10.7 keeps a refused line and then refuses all that follow.
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
			without: regexp.MustCompile(`^TestTenThousandNames$`), // a measurement of this machine, not of an emulated one
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

// binary returns the path of the compiled tests of a package.
func binary(pkg string) string { return filepath.Join(buildDir, filepath.Base(pkg)+".test") }

// compile compiles the tests of all packages; without cgo they run in any root.
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

// suite has the tests of one package that run in one place.
type suite struct {
	pkg   string
	tests []string
	// below is the part of the pattern for subtests.
	below string
}

// plan returns the suites that run in a place.
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
			if !p.accepts(pkg, name) || !want.MatchString(name) {
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

// accepts reports whether a test, except fuzz targets, runs in the place.
func (p *place) accepts(pkg, name string) bool {
	prefix := "Test"
	if pkg == scenarios {
		prefix = "TestVM"
	}
	return strings.HasPrefix(name, prefix) && (p.without == nil || !p.without.MatchString(name))
}

// script runs one of the scripts and returns its output.
func script(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
