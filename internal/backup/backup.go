// Package backup writes the content of a store into one file, and reads it back.
//
// All data of a cluster is in its store: configuration, revisions, addresses, users, the
// certificate authority with its key, and the nodes that have joined. So the file is as
// secret as the server's data directory, and a server that is started on restored data is
// the same to its nodes, which continue with their certificates.
//
// A file is a gzip stream of lines of JSON: a header, a record for each key, all as of one
// revision of the store, and an end with the number of records and the SHA-256 of all
// lines before it. A file without its end is damaged.
package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Format is the number of the format that this release writes, and the highest it reads.
const Format = 1

// kind distinguishes a backup from other files.
const kind = "viaduct-backup"

// transientPrefixes are the prefixes of transient data: queries to nodes that a client
// waits for.
var transientPrefixes = []string{"question/"}

// Header begins a file.
type Header struct {
	Kind   string `json:"kind"`
	Format int    `json:"format"`
	// Version is the release that wrote the file, Created when.
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	// Revision is the revision of the store for all records.
	Revision int64 `json:"revision"`
}

// Info describes a complete file.
type Info struct {
	Header
	// Keys counts the records.
	Keys   int
	SHA256 string
}

// line is a line after the header: a record, or the end.
type line struct {
	Key   string `json:"key,omitempty"`
	Value []byte `json:"value,omitempty"`
	End   *end   `json:"end,omitempty"`
}

type end struct {
	Keys   int    `json:"keys"`
	SHA256 string `json:"sha256"`
}

// Write writes a backup of a store.
func Write(ctx context.Context, st store.Store, version string, now time.Time, w io.Writer) error {
	records, at, err := st.List(ctx, "", "")
	if err != nil {
		return fmt.Errorf("reading the store: %w", err)
	}
	z := gzip.NewWriter(w)
	sum := sha256.New()
	out := json.NewEncoder(io.MultiWriter(z, sum))
	if err := out.Encode(Header{Kind: kind, Format: Format, Version: version, Created: now.UTC(), Revision: at}); err != nil {
		return err
	}
	keys := 0
	for _, r := range records {
		if isTransient(r.Key) {
			continue
		}
		keys++
		if err := out.Encode(line{Key: r.Key, Value: r.Value}); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(z).Encode(line{End: &end{keys, hex.EncodeToString(sum.Sum(nil))}}); err != nil {
		return err
	}
	return z.Close()
}

func isTransient(key string) bool {
	for _, p := range transientPrefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// maxLine bounds a line, in bytes: the largest value of a store, in base64.
const maxLine = 64 << 20

// ErrDamaged is the error of a file that is no backup, or an incomplete one.
var ErrDamaged = errors.New("this is no undamaged backup")

// Read reads a whole file and calls take for each record; nil only checks the file. The
// records are valid only if there is no error: the end of the file may be missing.
func Read(r io.Reader, take func(key string, value []byte) error) (*Info, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	reading := &reader{info: &Info{}, sum: sha256.New(), take: take}
	for lines.Scan() {
		if err := reading.line(lines.Bytes()); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case !reading.ended:
		return nil, fmt.Errorf("%w: its end is missing", ErrDamaged)
	}
	return reading.info, nil
}

// reader is the state of reading a file.
type reader struct {
	info  *Info
	sum   hash.Hash
	take  func(key string, value []byte) error
	begun bool
	ended bool
}

func (r *reader) line(b []byte) error {
	switch {
	case r.ended:
		return fmt.Errorf("%w: something follows its end", ErrDamaged)
	case !r.begun:
		r.begun = true
		if err := json.Unmarshal(b, &r.info.Header); err != nil || r.info.Kind != kind {
			return fmt.Errorf("%w: it does not begin as one", ErrDamaged)
		}
		if r.info.Format > Format {
			return fmt.Errorf("the backup has format %d, made by release %s, and this release reads up to %d: use the release that made it, or a newer one", r.info.Format, r.info.Version, Format)
		}
		r.add(b)
		return nil
	}
	var l line
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return fmt.Errorf("%w: record %d: %w", ErrDamaged, r.info.Keys+1, err)
	}
	if l.End != nil {
		r.ended = true
		r.info.SHA256 = hex.EncodeToString(r.sum.Sum(nil))
		if l.End.Keys != r.info.Keys || l.End.SHA256 != r.info.SHA256 {
			return fmt.Errorf("%w: its checksum is that of other contents", ErrDamaged)
		}
		return nil
	}
	if l.Key == "" {
		return fmt.Errorf("%w: record %d has no key", ErrDamaged, r.info.Keys+1)
	}
	r.add(b)
	r.info.Keys++
	if r.take == nil {
		return nil
	}
	return r.take(l.Key, l.Value)
}

// add adds a line to the checksum, with the end of line that the scanner removed.
func (r *reader) add(b []byte) {
	r.sum.Write(b)
	r.sum.Write([]byte{'\n'})
}
