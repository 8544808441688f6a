package requires

import (
	"os"
	"path/filepath"
	"testing"
)

// recorder takes a test's verdict instead of the test.
type recorder struct {
	testing.TB
	verdict string
}

// Helper does nothing: the recorder has no lines of its own.
func (r *recorder) Helper() {}

// Skip notes that the test was skipped, and ends it.
func (r *recorder) Skip(...any) { r.end("skipped") }

// Skipf is Skip with a text.
func (r *recorder) Skipf(string, ...any) { r.end("skipped") }

// Fatalf notes that the test failed, and ends it.
func (r *recorder) Fatalf(string, ...any) { r.end("failed") }

func (r *recorder) end(verdict string) {
	r.verdict = verdict
	panic(r)
}

// verdict runs f as a test would be run, and returns how it ended.
func verdict(f func(t testing.TB)) (got string) {
	r := &recorder{verdict: "passed"}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
		got = r.verdict
	}()
	f(r)
	return r.verdict
}

// A program that is not there fails a test: a skipped one would hide that the
// machine lacks what scripts/setup should have installed.
func TestMissingProgramFails(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if got := verdict(func(t testing.TB) { Program(t, "no-such-program") }); got != "failed" {
		t.Errorf("without the program a test is %s", got)
	}
}

func TestProgramIsFoundOnThePathFirst(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "unshare")
	if err := os.WriteFile(own, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if got := Program(t, "unshare"); got != own {
		t.Errorf("found %s instead of %s", got, own)
	}
}

func TestWhatIsNotOfTheProjectIsSkipped(t *testing.T) {
	const variable = "VIADUCT_TEST_DIRECTORY"
	if got := verdict(func(t testing.TB) { Directory(t, variable, "/", "cases") }); got != "skipped" {
		t.Errorf("without the variable a test is %s", got)
	}
	t.Setenv(variable, "below")
	if got := Directory(t, variable, "/base", "cases"); got != "/base/below" {
		t.Errorf("a relative directory is %s", got)
	}
}
