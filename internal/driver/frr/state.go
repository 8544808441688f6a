package frr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/google/renameio/v2"
)

// state is what the driver must know across restarts of the agent.
type state struct {
	path string
	// last are the lines that were applied, or were about to be.
	last *node
	// accepted are lines that FRR accepted and does not show, effects those that it
	// shows in addition to owned ones since they were applied. Both are valid for
	// the daemons of one generation only.
	accepted, effects map[string]bool
	generation        string
	// enabled are the daemons that Viaduct enabled.
	enabled []string
	// saved is the content of the file.
	saved []byte
}

// stored is the state's form on disk.
type stored struct {
	Lines      []storedLine `json:"lines,omitempty"`
	Accepted   []string     `json:"accepted,omitempty"`
	Effects    []string     `json:"effects,omitempty"`
	Generation string       `json:"generation,omitempty"`
	Enabled    []string     `json:"enabled,omitempty"`
}

type storedLine struct {
	Text  string       `json:"text"`
	Owner string       `json:"owner,omitempty"`
	Found origin       `json:"found,omitempty"`
	Lines []storedLine `json:"lines,omitempty"`
}

// loadState reads the state file. If it does not exist, nothing was applied. A file
// that cannot be read is an error: guessing would remove, or keep for ever, lines
// of somebody else.
func loadState(path string) (*state, error) {
	s := &state{path: path, last: &node{}, accepted: map[string]bool{}, effects: map[string]bool{}}
	if path == "" {
		return s, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	var on stored
	if err == nil {
		err = json.Unmarshal(b, &on)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot tell which lines of FRR's configuration are Viaduct's, so FRR was left as it is: "+
			"%w; repair the file, or remove it to have the present lines count as foreign", err)
	}
	s.saved = b
	restore(s.last, on.Lines)
	for _, w := range on.Accepted {
		s.accepted[w] = true
	}
	for _, w := range on.Effects {
		s.effects[w] = true
	}
	s.generation, s.enabled = on.Generation, on.Enabled
	return s, nil
}

func restore(n *node, lines []storedLine) {
	for _, l := range lines {
		k := n.add(l.Text, l.Owner)
		k.found = l.Found
		restore(k, l.Lines)
	}
}

func store(n *node) []storedLine {
	out := make([]storedLine, 0, len(n.kids))
	for _, k := range n.kids {
		out = append(out, storedLine{Text: k.text, Owner: k.owner, Found: k.found, Lines: store(k)})
	}
	return out
}

// empty reports whether nothing was ever applied, or all was removed again.
func (s *state) empty() bool { return len(s.last.kids) == 0 && len(s.enabled) == 0 }

// save writes the state atomically, if it differs from the file's content.
func (s *state) save() error {
	if s.path == "" {
		return nil
	}
	b, err := json.Marshal(stored{
		Lines: store(s.last), Accepted: sorted(s.accepted), Effects: sorted(s.effects),
		Generation: s.generation, Enabled: s.enabled,
	})
	if err == nil && bytes.Equal(b, s.saved) {
		return nil
	}
	if err == nil {
		// It may hold the passwords of sessions.
		err = renameio.WriteFile(s.path, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("cannot note which lines of FRR's configuration are Viaduct's: %w", err)
	}
	s.saved = b
	return nil
}

func sorted(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// merge adds the wanted lines to last, the applied ones. A line that exists already
// although it was never applied is not owned where it exists.
func merge(last, want, running, file *node) {
	if want == nil {
		return
	}
	for _, w := range want.kids {
		l := last.find(w.key)
		r, f := running.find(w.key), file.find(w.key)
		if l == nil {
			l = last.add(w.text, w.owner)
			if r != nil {
				l.found |= inRunning
			}
			if f != nil {
				l.found |= inFile
			}
		}
		l.owner = w.owner
		merge(l, w, r, f)
	}
}

// prune removes lines from last that are neither wanted nor kept; keep is called
// for heads of contexts at the top level.
func prune(last, want *node, keep func(head string) bool) {
	for _, l := range slices.Clone(last.kids) {
		w := want.find(l.key)
		if w == nil {
			if keep != nil && keep(l.text) {
				l.kids, l.index, l.slots = nil, nil, nil
				continue
			}
			last.remove(l)
			continue
		}
		prune(l, w, nil)
	}
}
