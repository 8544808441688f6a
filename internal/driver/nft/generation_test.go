package nft

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// counting makes the driver run nft by a script that notes each run, and returns
// how often it ran since the last call.
func (l *lab) counting() func() int {
	l.t.Helper()
	dir := l.t.TempDir()
	runs, program := filepath.Join(dir, "runs"), filepath.Join(dir, "nft")
	if err := os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\necho run >>%s\nexec nft \"$@\"\n", runs), 0o755); err != nil {
		l.t.Fatal(err)
	}
	l.opts.Command = program
	l.d = New(l.opts)
	return func() int {
		b, err := os.ReadFile(runs)
		if err != nil && !os.IsNotExist(err) {
			l.t.Fatal(err)
		}
		_ = os.Remove(runs)
		return strings.Count(string(b), "run")
	}
}

func (l *lab) pass(tables ...desired.Table) (writes int) {
	l.t.Helper()
	r, err := l.d.Reconcile(context.Background(), &desired.Space{Tables: tables}, false)
	if err != nil {
		l.t.Fatal(err)
	}
	return r.Writes
}

// nft runs only if somebody changed rules, and sees what they did.
func TestWhatNobodyChangedIsNotListed(t *testing.T) {
	l := newLab(t)
	runs := l.counting()
	l.pass(table())
	runs()
	for range 3 {
		if writes := l.pass(table()); writes != 0 || runs() != 0 {
			t.Errorf("%d writes with nothing to do, or nft ran", writes)
		}
	}

	l.nft("add", "table", "inet", "foreign")
	runs()
	if writes := l.pass(table()); writes != 0 || runs() == 0 {
		t.Errorf("%d writes after somebody else's change, or nothing was listed", writes)
	}
	if l.pass(table()); runs() != 0 {
		t.Error("listed again for nothing")
	}

	l.nft("flush", "chain", "inet", "viaduct", "forward")
	if writes := l.pass(table()); writes != 1 || !strings.Contains(l.nft("list", "table", "inet", "viaduct"), "iifname vmap @out") {
		t.Errorf("%d writes to undo a change by hand", writes)
	}
}

// A change that is only in elements leaves the rules where they are, and nft runs
// twice: to change them, and to take down how it lists the result.
func TestElementsAlone(t *testing.T) {
	l := newLab(t)
	runs := l.counting()
	l.pass(table())
	handles := regexp.MustCompile(`# handle \d+`)
	before := handles.FindAllString(l.nft("-a", "list", "chain", "inet", "viaduct", "forward"), -1)
	more := table()
	more.Sets[0].Elements = []string{`"vn2"`, `"vn3"`}
	more.Sets[1].Elements = []string{"10.0.0.0/9", "172.16.0.0/12"}
	more.Sets[2].Elements = []string{`"vn3" : jump z_one`}
	runs()
	if writes := l.pass(more); writes != 1 || runs() != 2 {
		t.Errorf("%d writes, or another number of runs of nft than two", writes)
	}
	if after := handles.FindAllString(l.nft("-a", "list", "chain", "inet", "viaduct", "forward"), -1); strings.Join(before, " ") != strings.Join(after, " ") {
		t.Errorf("the rules are others: %v, then %v", before, after)
	}
	list := l.nft("list", "table", "inet", "viaduct")
	for text, there := range map[string]bool{`"vn3"`: true, `"vn1"`: false, "10.0.0.0/9": true, "10.0.0.0/8": false, `"vn3" : jump z_one`: true} {
		if strings.Contains(list, text) != there {
			t.Errorf("%s is there: %v, want %v\n%s", text, !there, there, list)
		}
	}
	l.reconcile(more)
	l.reconcile(table())
	l.d = New(l.opts)
	if writes := l.pass(table()); writes != 0 {
		t.Errorf("%d writes by a driver that knows only its state file", writes)
	}
}
