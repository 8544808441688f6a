package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

const output = `=== PACKAGE internal/linux/probe
=== RUN   TestGood
--- PASS: TestGood (0.25s)
PASS
=== PACKAGE test/e2e
=== RUN   TestVMBad
=== RUN   TestVMBad/half
    vm_test.go:12: proved: one thing
    vm_test.go:13: figure: gap/one 0.25 s
    vm_test.go:14: vm1 does not reach 10.0.0.2:
        100% packet loss
--- FAIL: TestVMBad (3.50s)
    --- FAIL: TestVMBad/half (3.00s)
=== RUN   TestVMHangs
panic: test timed out
`

func TestOutcome(t *testing.T) {
	var b strings.Builder
	o := newOutcome("a place", []suite{
		{pkg: "internal/linux/probe", tests: []string{"TestGood"}},
		{pkg: scenarios, tests: []string{"TestVMBad", "TestVMHangs"}},
	}, &b)
	for line := range strings.Lines(output) {
		o.line(strings.TrimSuffix(line, "\n"))
	}
	o.finish(errors.New("exit status 1"))
	if len(o.figures) != 1 || o.figures[0].Name != "gap/one" || o.figures[0].Ours != 0.25 || o.figures[0].Unit != "s" {
		t.Errorf("figures %v", o.figures)
	}
	if summarise(&b, []*outcome{o}, 0) {
		t.Error("failed tests were taken for good")
	}
	for _, want := range []string{
		`a place: 3 tests of 2 packages`,
		`PASS TestGood \(0\.2s\)`,
		`s  one thing`,
		`FAIL TestVMBad \(3\.5s\)\n +\| vm_test\.go:12: proved: one thing`,
		`1 of 3 tests passed, 1 things proved`,
		`FAIL test/e2e TestVMBad: vm_test\.go:14: vm1 does not reach 10\.0\.0\.2:`,
		`test/e2e TestVMHangs did not end`,
		`the tests' command: exit status 1`,
	} {
		if !regexp.MustCompile(want).MatchString(b.String()) {
			t.Errorf("%s is missing in:\n%s", want, b.String())
		}
	}
}

func TestOutcomeOfGoodTests(t *testing.T) {
	var b strings.Builder
	o := newOutcome("a place", []suite{{pkg: "internal/linux/probe", tests: []string{"TestGood"}}}, &b)
	for line := range strings.Lines(output[:strings.Index(output, "=== PACKAGE test/e2e")]) {
		o.line(strings.TrimSuffix(line, "\n"))
	}
	o.finish(nil)
	if !summarise(&b, []*outcome{o}, 0) {
		t.Errorf("good tests were taken for failed:\n%s", b.String())
	}
}

func TestCommandsQuote(t *testing.T) {
	got := commands([]suite{{pkg: "internal/linux/probe", tests: []string{"TestA", "TestB"}, below: "it's"}}, true)
	if want := `(cd internal/linux/probe && exec ../../../build/vm/probe.test -test.v -test.short=true -test.timeout 12m0s -test.run '^(TestA|TestB)$/it'\''s') || status=1`; !strings.Contains(got, want) {
		t.Errorf("%s\nlacks %s", got, want)
	}
}

// A failure with new package versions is reported and does not count.
func TestToleratedOutcome(t *testing.T) {
	for _, tolerated := range []bool{false, true} {
		var b strings.Builder
		o := newOutcome("a place", []suite{{pkg: scenarios, tests: []string{"TestVMBad"}}}, &b)
		o.changed, o.tolerated = changedVersions("frr 1\nnft 2\n", "frr 3\nnft 2\n"), tolerated
		o.finish(errors.New("exit status 1"))
		if summarise(&b, []*outcome{o}, 0) != tolerated || strings.Contains(b.String(), "do not count") != tolerated {
			t.Errorf("tolerated %v:\n%s", tolerated, b.String())
		}
		if tolerated && !strings.Contains(b.String(), "frr 3 (was 1)") {
			t.Errorf("the version is missing in:\n%s", b.String())
		}
	}
}

func TestFiguresOfPlaces(t *testing.T) {
	var b strings.Builder
	for place, want := range map[string]string{"system": "gap/x", "testing": "gap/x@testing"} {
		o := newOutcome("", []suite{{pkg: scenarios, tests: []string{"TestVMX"}}}, &b)
		o.place = place
		for _, l := range []string{packageMark + scenarios, "=== RUN   TestVMX", "    x_test.go:1: figure: gap/x 1.5 s"} {
			o.line(l)
		}
		if len(o.figures) != 1 || o.figures[0].Name != want {
			t.Errorf("%s: %v", place, o.figures)
		}
	}
}
