package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// bindingsFile keeps the bindings in the agent's data directory.
const bindingsFile = "bindings.json"

// bindingsPause is the time from an update to its write to the file. It may be large:
// a write for each update would be much work, and at once it would delay the pass that
// applies the update. What the file lacks after a kill a server sends again.
const bindingsPause = time.Second

// bindings is what the agent knows of the NICs in the node's zones.
type bindings struct {
	mu     sync.Mutex
	epoch  string
	number int64
	byID   map[string]*model.Binding
	sorted []*model.Binding // of byID; nil until it is asked for
	dirty  chan struct{}    // holds a value while the file is behind
}

func newBindings() *bindings {
	return &bindings{byID: make(map[string]*model.Binding), dirty: make(chan struct{}, 1)}
}

// apply applies an update from a server.
func (b *bindings) apply(update *protocol.Bindings) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.epoch, b.number = update.Epoch, update.Number
	if update.All {
		clear(b.byID)
	}
	for _, id := range update.Gone {
		delete(b.byID, id)
	}
	for _, one := range update.Put {
		b.byID[one.ID()] = one
	}
	if b.sorted != nil && !update.All && len(update.Gone)+len(update.Put) <= maxInserts {
		b.sorted = updatedList(b.sorted, update)
	} else {
		b.sorted = nil
	}
	select {
	case b.dirty <- struct{}{}:
	default:
	}
}

// maxInserts is the largest number of changes that are inserted in place; with more,
// the whole list is sorted again.
const maxInserts = 64

// updatedList returns a copy, sorted by ID, of a list with an update applied. The list
// itself is in use and not changed.
func updatedList(list []*model.Binding, update *protocol.Bindings) []*model.Binding {
	find := func(id string) (int, bool) {
		return slices.BinarySearchFunc(list, id, func(b *model.Binding, id string) int { return cmp.Compare(b.ID(), id) })
	}
	list = append(make([]*model.Binding, 0, len(list)+len(update.Put)), list...)
	for _, id := range update.Gone {
		if at, found := find(id); found {
			list = slices.Delete(list, at, at+1)
		}
	}
	for _, one := range update.Put {
		if at, found := find(one.ID()); found {
			list[at] = one
		} else {
			list = slices.Insert(list, at, one)
		}
	}
	return list
}

// list returns all, sorted by ID. It is shared: nothing in it may be changed.
func (b *bindings) list() []*model.Binding {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sorted == nil {
		b.sorted = make([]*model.Binding, 0, len(b.byID))
		for _, id := range slices.Sorted(maps.Keys(b.byID)) {
			b.sorted = append(b.sorted, b.byID[id])
		}
	}
	return b.sorted
}

// query is the URL query for the updates after those already received.
func (b *bindings) query() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("epoch=%s&since=%d", url.QueryEscape(b.epoch), b.number)
}

// snapshot returns all bindings in the format of the file.
func (b *bindings) snapshot() *protocol.Bindings {
	list := b.list()
	b.mu.Lock()
	defer b.mu.Unlock()
	return &protocol.Bindings{Epoch: b.epoch, Number: b.number, All: true, Put: list}
}

// bindings reads the file. Without one, or with a damaged one, there are no bindings
// until a server sends them.
func (d *disk) bindings() (*protocol.Bindings, error) {
	path := filepath.Join(d.dir, bindingsFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	out := &protocol.Bindings{}
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used (%w); a server will send it again", path, err)
	}
	return out, nil
}

// followBindings keeps a long poll open for bindings, and wakes the loop for each update.
func (a *Agent) followBindings(ctx context.Context, link *serverLink) {
	wait := backoff{}
	for ctx.Err() == nil {
		update := &protocol.Bindings{}
		err := link.do(ctx, http.MethodGet, "/agent/v1/bindings?"+a.bindings.query(), nil, update)
		switch {
		case errors.Is(err, errUnchanged):
			wait.reset()
		case err == nil:
			wait.reset()
			a.bindings.apply(update)
			select {
			case a.wake <- struct{}{}:
			default:
			}
		case ctx.Err() != nil:
			return
		default:
			a.Log.Debug("no server tells of addresses; the node goes on with what it knows", "error", err)
			wait.sleep(ctx)
		}
	}
}

// keepBindings writes the file after updates until ctx ends, and once more then.
func (a *Agent) keepBindings(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.bindings.dirty:
		}
		sleep.Context(ctx, bindingsPause)
		select {
		case <-a.bindings.dirty: // of updates during the pause
		default:
		}
		a.logSaveError(a.disk.write(bindingsFile, a.bindings.snapshot()))
	}
}
