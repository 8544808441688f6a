package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/viaduct-sdn/viaduct/internal/document"

	"github.com/google/renameio/v2"
)

// Files in the agent's data directory.
const (
	documentFile = "document.json"
	appliedFile  = "applied.json"
)

// disk is the agent's persistent state. Every file is replaced atomically and
// synced, so a kill or power cut leaves the old content or the new.
type disk struct{ dir string }

// applied is the desired state that the node reached, and in which boot.
type applied struct {
	Want string `json:"want"`
	Boot string `json:"boot"`
}

// received is a document as a server sent it. The hash is the server's: one
// computed here would differ from it when a newer server sends properties that
// this agent does not know.
type received struct {
	Hash     string             `json:"hash"`
	Document *document.Document `json:"document"`
}

// document reads the last document; nil before the first.
func (d *disk) document() (*received, error) {
	path := filepath.Join(d.dir, documentFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the last document: %w", err)
	}
	r := &received{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w); a server will send it again", path, err)
	}
	if r.Document == nil {
		return nil, fmt.Errorf("%s is damaged (it holds no document); a server will send it again", path)
	}
	if r.Document.Format > document.Format {
		return nil, fmt.Errorf("%s has format %d, this agent reads up to %d: a newer agent wrote it; upgrade this one", path, r.Document.Format, document.Format)
	}
	return r, nil
}

func (d *disk) saveDocument(r *received) error { return d.write(documentFile, r) }

// applied reads the last state that was reached; the zero value if that is unknown.
func (d *disk) applied() applied {
	var a applied
	b, err := os.ReadFile(filepath.Join(d.dir, appliedFile))
	if err != nil || json.Unmarshal(b, &a) != nil {
		return applied{}
	}
	return a
}

func (d *disk) saveApplied(a applied) error { return d.write(appliedFile, a) }

func (d *disk) write(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	path := filepath.Join(d.dir, name)
	if err := renameio.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot write %s: %w; free space or repair the directory, the node keeps its last state until then", path, err)
	}
	return nil
}
