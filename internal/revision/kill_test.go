package revision_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store/etcd"
)

// writerArg makes the test binary a process that edits and applies until it is
// killed.
const writerArg = "write-until-killed"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == writerArg {
		if err := write(os.Args[2]); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// write edits and applies in turn, and says on standard output what it did as
// soon as that was acknowledged.
func write(dir string) error {
	ctx := context.Background()
	st, err := etcd.OpenEmbedded(ctx, etcd.Embedded{Dir: dir})
	if err != nil {
		return err
	}
	s, err := revision.Open(ctx, st, revision.Options{})
	if err != nil {
		return err
	}
	v, err := s.View(ctx)
	if err != nil {
		return err
	}
	for i := len(v.Pending.Zones); i < 1_000_000; i++ {
		edits := []model.Edit{zone(fmt.Sprintf("a%d", i), 0), zone("bb", 1300+i%100), {Put: &model.Guest{ID: fmt.Sprint(100 + i)}}}
		if _, err := s.Edit(ctx, "writer", edits, revision.EditOptions{}); err != nil {
			return err
		}
		fmt.Println("edited", i)
		r, err := s.Apply(ctx, "writer", "", "")
		if err != nil {
			return err
		}
		fmt.Println("applied", r.Revision)
	}
	return nil
}

// TestKilledWriter kills a process with an embedded store at random moments.
// What it had acknowledged is there, and nothing is half done.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	for round := range 4 {
		edited, applied := killed(t, dir)
		st, err := etcd.OpenEmbedded(t.Context(), etcd.Embedded{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		v := view(t, service(t, st))
		if edited >= 0 && (v.Pending.Zones[fmt.Sprintf("a%d", edited)] == nil || v.Live.Guests[fmt.Sprint(100+edited)] == nil) {
			t.Errorf("round %d: edit %d was acknowledged and is lost", round, edited)
		}
		if v.Revision < applied {
			t.Errorf("round %d: revision %d was acknowledged and %d runs", round, applied, v.Revision)
		}
		checkHistory(t, st)
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killed runs a writer for a random while and returns the last things that it
// acknowledged.
func killed(t *testing.T, dir string) (edited int, applied int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], writerArg, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	edited = -1
	var killer *time.Timer
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if killer == nil { // it has begun to write
			killer = time.AfterFunc(rand.N(300*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "edited "):
			_, err = fmt.Sscanf(line, "edited %d", &edited)
		case strings.HasPrefix(line, "applied "):
			_, err = fmt.Sscanf(line, "applied %d", &applied)
		default:
			err = fmt.Errorf("the writer says: %s", line)
		}
		if err != nil {
			t.Error(err)
		}
	}
	_ = cmd.Wait() // it was killed
	return edited, applied
}
