package audit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

func refused(author, target string) audit.Entry {
	return audit.Entry{Author: author, From: "192.0.2.1", Operation: "putVnet", Target: target, Status: 403, Error: "forbidden"}
}

// However often somebody is refused, what was carried out stays, and so do the refusals
// of others.
func TestRefusalsDisplaceNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l, stop := open(t, mem.New(), audit.Options{Most: 50, MostRefused: 100, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for i := range 40 {
			l.Record(audit.Entry{Author: "root@pam", Target: fmt.Sprint("done", i), Status: 200})
		}
		l.Record(refused("eve@pve", "/once"))
		for i := range 20_000 {
			l.Record(refused("bob@pve!ci", "/same"))
			l.Record(refused(fmt.Sprintf("bob@pve!t%d", i), fmt.Sprint("/other", i)))
			if i%1000 == 0 {
				list(t, l, audit.Query{Limit: 1})
			}
		}
		got := list(t, l, audit.Query{Limit: 1000})
		done, eve, bob := 0, 0, 0
		for _, e := range got {
			switch e.Author {
			case "root@pam":
				done++
			case "eve@pve":
				eve++
			default:
				bob++
			}
		}
		if done != 40 || eve != 1 || bob == 0 || bob > 70 {
			t.Errorf("%d of 40 that were carried out are left, %d of another's, %d of the one who is refused", done, eve, bob)
		}
		if n := strings.Count(log.String(), "\n"); n > 150 {
			t.Errorf("%d lines in the log", n)
		}
		time.Sleep(2 * time.Minute)
		counts := map[string]int{}
		for _, e := range list(t, l, audit.Query{Limit: 1000}) {
			counts[e.Operation+" "+e.Target] += e.Count
		}
		if counts["putVnet /same"] != 19_999 || counts["(several) "] < 19_900 || counts["(several) "] > 19_999 {
			t.Errorf("counted %v", counts)
		}
		// Later it is told at once again.
		before := len(list(t, l, audit.Query{Limit: 1000}))
		l.Record(refused("bob@pve!ci", "/same"))
		if n := len(list(t, l, audit.Query{Limit: 1000})); n != before+1 {
			t.Errorf("%d entries after %d", n, before)
		}
		stop()
	})
}

// Logins that failed are told by user and address, and however many strangers try, neither
// what was carried out nor what known users were refused is displaced.
func TestFailedLoginsDisplaceNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := open(t, mem.New(), audit.Options{Most: 50, MostRefused: 100})
		failed := func(user, from string) audit.Entry {
			return audit.Entry{Author: user, Claimed: true, From: from, Operation: "login", Status: 401, Error: "forbidden"}
		}
		l.Record(audit.Entry{Author: "root@pam", Target: "done", Status: 200})
		l.Record(refused("eve@pve", "/once"))
		for i := range 5_000 {
			l.Record(failed("root@pam", fmt.Sprint("192.0.2.", i)))
		}
		l.Record(refused("root@pam", "/own"))
		got := map[string]int{}
		for _, e := range list(t, l, audit.Query{Limit: 1000}) {
			got[e.Author+" "+e.Operation]++
			if e.Operation == "login" && e.From == "" {
				t.Errorf("no address: %+v", e)
			}
		}
		if want := map[string]int{"root@pam ": 1, "eve@pve putVnet": 1, "root@pam putVnet": 1, "root@pam login": 60, "(several) (several)": 1}; !maps.Equal(got, want) {
			t.Errorf("entries %v, want %v", got, want)
		}
		time.Sleep(10 * time.Minute)
		l.Record(failed("root@pam", "192.0.2.1"))
		if first := list(t, l, audit.Query{Limit: 1})[0]; first.From != "192.0.2.1" || first.Author != "root@pam" {
			t.Errorf("later none is told: %+v", first)
		}
		stop()
	})
}

// What is counted when the server stops is not lost.
func TestCountsAreStoredAtTheEnd(t *testing.T) {
	st := mem.New()
	l, stop := open(t, st, audit.Options{})
	for range 7 {
		l.Record(refused("bob@pve", "/same"))
	}
	stop()
	l, _ = open(t, st, audit.Options{})
	got := list(t, l, audit.Query{Limit: 10})
	if len(got) != 2 || got[0].Count != 6 || got[1].Count != 0 {
		t.Errorf("%+v", got)
	}
}

func fileLines(t *testing.T, path string) []audit.Entry {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []audit.Entry
	for s := bufio.NewScanner(f); s.Scan(); {
		var e audit.Entry
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v", s.Text(), err)
		}
		out = append(out, e)
	}
	return out
}

// A file gets every entry, those too that the store does not keep, and takes a rotation.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	sink, err := audit.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sink.Close() }()
	l, stop := open(t, mem.New(), audit.Options{Most: 2, Sinks: []audit.Sink{sink}})
	record := func(from, to int) {
		for i := from; i < to; i++ {
			l.Record(audit.Entry{Author: "bob@pve", Target: fmt.Sprint(i), Status: 200})
		}
		list(t, l, audit.Query{Limit: 1})
	}
	record(0, 30)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	record(30, 40) // still to the old one
	if err := sink.Reopen(); err != nil {
		t.Fatal(err)
	}
	record(40, 50)
	l.Record(refused("eve@pve", "/x"))
	stop()
	if old, now := fileLines(t, path+".1"), fileLines(t, path); len(old) != 40 || len(now) != 11 || now[0].Target != "40" || now[10].Status != 403 {
		t.Errorf("%d lines before the rotation, %d after", len(old), len(now))
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if _, err := audit.OpenFile(filepath.Join(path, "below-a-file")); err == nil || !strings.Contains(err.Error(), "--audit-file") {
		t.Errorf("a file that cannot be: %v", err)
	}
}
