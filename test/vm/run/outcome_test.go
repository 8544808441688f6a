package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

const output = `=== PACKAGE internal/probe
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
		{pkg: "internal/probe", tests: []string{"TestGood"}},
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
	o := newOutcome("a place", []suite{{pkg: "internal/probe", tests: []string{"TestGood"}}}, &b)
	for line := range strings.Lines(output[:strings.Index(output, "=== PACKAGE test/e2e")]) {
		o.line(strings.TrimSuffix(line, "\n"))
	}
	o.finish(nil)
	if !summarise(&b, []*outcome{o}, 0) {
		t.Errorf("good tests were taken for failed:\n%s", b.String())
	}
}

func TestCommandsQuote(t *testing.T) {
	got := commands([]suite{{pkg: "internal/probe", tests: []string{"TestA", "TestB"}, below: "it's"}}, true)
	if want := `(cd internal/probe && exec ../../build/vm/probe.test -test.v -test.short=true -test.timeout 40m -test.run '^(TestA|TestB)$/it'\''s') || status=1`; !strings.Contains(got, want) {
		t.Errorf("%s\nlacks %s", got, want)
	}
}
