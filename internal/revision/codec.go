package revision

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Keys and prefixes of the store.
const (
	// prefixState is the prefix that is watched: that of everything that changes a view.
	prefixState    = "config/"
	keyRunning     = prefixState + "running"
	keyLive        = prefixState + "live"
	prefixPending  = prefixState + "pending/"
	prefixRevision = "revision/"
	prefixHistory  = "history/"
	prefixLive     = keyLive + "/"
)

// liveKey is the key of a live object.
func liveKey(k model.Kind, id string) string { return prefixLive + string(k) + "/" + id }

// liveKind is the kind of the object at a key.
func liveKind(key string) model.Kind {
	k, _, _ := strings.Cut(strings.TrimPrefix(key, prefixLive), "/")
	return model.Kind(k)
}

func numbered(prefix string, n int64) string { return fmt.Sprintf("%s%016d", prefix, n) }

// format is the number of the document format this release writes and reads.
const format = 1

// runningDoc is the value of running.
type runningDoc struct {
	Revision int64 `json:"revision"`
	Seq      int64 `json:"seq"`
}

// liveDoc is the value of live: the author of the last change of a live object.
type liveDoc struct {
	Time   time.Time `json:"time"`
	Author string    `json:"author"`
}

// Record is one edit call in the pending log.
type Record struct {
	// Seq is the record's sequence number, from its key.
	Seq    int64        `json:"-"`
	Time   time.Time    `json:"time"`
	Author string       `json:"author"`
	Edits  []model.Edit `json:"edits"`
	// Undoes is the number of the record that it undoes; 0 for all others.
	Undoes int64 `json:"undoes,omitempty"`

	// bytes is the size of its JSON form.
	bytes int64
}

// Info describes a revision.
type Info struct {
	Number  int64     `json:"number"`
	Time    time.Time `json:"time"`
	Author  string    `json:"author"`
	Message string    `json:"message,omitempty"`
	// Count is the number of objects that differ from the revision before.
	Count int `json:"count"`
}

// Past is a revision in the history.
type Past struct {
	Info
	// Bytes is the size of what is stored of it; 0 for a revision of earlier releases.
	Bytes int64 `json:"bytes,omitempty"`
	// Pinned keeps it regardless of its age.
	Pinned bool `json:"pinned,omitempty"`
}

// Revision is an immutable snapshot of the configuration.
type Revision struct {
	Format int `json:"format"`
	Info
	Config *model.Config `json:"config"`
	// Changes are the differences to the revision before.
	Changes []diff.Change `json:"changes"`
}

// compressFrom is the size in bytes from which a value is worth compressing.
const compressFrom = 2048

// encode returns the stored form of a value: JSON, compressed when it is large.
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return pack(b)
}

// pack compresses JSON when it is large.
func pack(b []byte) ([]byte, error) {
	if len(b) < compressFrom {
		return b, nil
	}
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// maxValue bounds what decode unpacks, in bytes.
const maxValue = 1 << 30

// unpack returns the JSON that was passed to pack; key is for the error.
func unpack(key string, b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) { // the magic number of gzip, which no JSON begins with
		return b, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(r, maxValue))
	}
	if err != nil {
		return nil, fmt.Errorf("stored value %s is damaged: %w", key, err)
	}
	return b, nil
}

// decode reads what encode wrote; key is for the error.
func decode(key string, b []byte, into any) error {
	b, err := unpack(key, b)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("stored value %s is not understood (written by a newer release?): %w", key, err)
	}
	return nil
}

// decodeRevision reads a revision's document.
func decodeRevision(key string, b []byte) (*Revision, error) {
	var head struct {
		Format int `json:"format"`
	}
	r := &Revision{}
	if err := decode(key, b, &head); err != nil {
		return nil, err
	}
	if head.Format > format {
		return nil, fmt.Errorf("%s has format %d and this release reads up to %d: upgrade this server", key, head.Format, format)
	}
	if err := decode(key, b, r); err != nil {
		return nil, err
	}
	if r.Config == nil {
		r.Config = &model.Config{}
	}
	return r, nil
}
