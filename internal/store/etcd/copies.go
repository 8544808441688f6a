package etcd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Copies of an embedded store are in a directory next to it: for damage to the store
// itself, not for a lost disk. They have the form of `etcdctl snapshot save`, a database
// followed by its SHA-256, which `etcdutl snapshot restore` accepts.
const (
	copyEvery = time.Hour
	// keepNewest are kept, and the newest of each of the last keepDays days.
	keepNewest = 6
	keepDays   = 7

	copyPrefix, copySuffix = "store-", ".db"
	copyTime               = "20060102T150405.000Z"
	unfinished             = ".unfinished-"
)

// copies makes copies of a store and removes old ones.
type copies struct {
	*room
	dir   string
	every time.Duration
	most  int64 // bytes of all together
	at    int64 // the store's revision at the last copy
}

// copied is one copy.
type copied struct {
	name string
	time time.Time
	size int64
}

// run makes a copy whenever one is due, until ctx ends.
func (c *copies) run(ctx context.Context) {
	for {
		wait := time.Duration(0)
		if all, err := c.list(); err == nil && len(all) > 0 {
			wait = max(0, time.Until(all[len(all)-1].time.Add(c.every)))
		}
		// A copy right at the start would most often equal the last one.
		timer := time.NewTimer(max(wait, c.every/10))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := c.make(); err != nil && ctx.Err() == nil {
			c.log.Warn("no copy of the store was made, trying again later", "dir", c.dir, "error", err)
		}
	}
}

// make makes a copy, unless nothing was written since the last one.
func (c *copies) make() error {
	at := c.etcd.Server.KV().Rev()
	if at == c.at {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if err := space(c.dir, reserve+uint64(c.etcd.Server.Backend().Size())); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(c.dir, unfinished+"*"))
	for _, name := range left { // of a server that was killed
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, unfinished+"*")
	if err != nil {
		return err
	}
	err = c.write(f)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(c.dir, copyPrefix+time.Now().UTC().Format(copyTime)+copySuffix))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	c.at = at
	return c.tidy(time.Now())
}

func (c *copies) write(f *os.File) error {
	snapshot := c.etcd.Server.Backend().Snapshot()
	sum := sha256.New()
	_, err := snapshot.WriteTo(io.MultiWriter(f, sum))
	if err = errors.Join(err, snapshot.Close()); err != nil {
		return err
	}
	if _, err := f.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return f.Sync()
}

// list returns the copies, oldest first.
func (c *copies) list() ([]copied, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, err
	}
	var out []copied
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), copyPrefix)
		text, ok2 := strings.CutSuffix(text, copySuffix)
		at, err := time.Parse(copyTime, text)
		info, err2 := e.Info()
		if ok && ok2 && err == nil && err2 == nil {
			out = append(out, copied{e.Name(), at, info.Size()})
		}
	}
	slices.SortFunc(out, func(a, b copied) int { return a.time.Compare(b.time) })
	return out, nil
}

// tidy removes the copies that are not kept.
func (c *copies) tidy(now time.Time) error {
	all, err := c.list()
	if err != nil {
		return err
	}
	for _, name := range superfluous(all, now, c.most) {
		err = errors.Join(err, os.Remove(filepath.Join(c.dir, name)))
	}
	if err != nil {
		return fmt.Errorf("removing old copies: %w", err)
	}
	return nil
}

// superfluous returns the copies that are not kept: the newest, and the newest of each
// day, are kept within the limit of bytes. The newest of all is always kept.
func superfluous(all []copied, now time.Time, most int64) []string {
	var out []string
	days, total := make(map[string]bool), int64(0)
	for i, one := range slices.Backward(all) {
		day := one.time.Format(time.DateOnly)
		keep := len(all)-i <= keepNewest || !days[day] && now.Sub(one.time) < keepDays*24*time.Hour
		days[day] = true
		if total += one.size; i < len(all)-1 && (!keep || total > most) {
			total -= one.size
			out = append(out, one.name)
		}
	}
	return out
}
