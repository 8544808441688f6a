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

// bindingsPause is the time from news to their place in the file. It may be large: to
// write it for each would be much work, and to do that at once would be in the way of the
// pass that makes them true. What it lacks after a kill a server tells again.
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

// take takes in what a server tells.
func (b *bindings) take(news *protocol.Bindings) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.epoch, b.number = news.Epoch, news.Number
	if news.All {
		clear(b.byID)
	}
	for _, id := range news.Gone {
		delete(b.byID, id)
	}
	for _, one := range news.Put {
		b.byID[one.ID()] = one
	}
	if b.sorted != nil && !news.All && len(news.Gone)+len(news.Put) <= fewNews {
		b.sorted = amended(b.sorted, news)
	} else {
		b.sorted = nil
	}
	select {
	case b.dirty <- struct{}{}:
	default:
	}
}

// fewNews is up to how many news are put in their places, and not all sorted anew.
const fewNews = 64

// amended is a list, sorted by ID, with news. The list itself is not changed, as it is
// in use.
func amended(list []*model.Binding, news *protocol.Bindings) []*model.Binding {
	find := func(id string) (int, bool) {
		return slices.BinarySearchFunc(list, id, func(b *model.Binding, id string) int { return cmp.Compare(b.ID(), id) })
	}
	list = append(make([]*model.Binding, 0, len(list)+len(news.Put)), list...)
	for _, id := range news.Gone {
		if at, there := find(id); there {
			list = slices.Delete(list, at, at+1)
		}
	}
	for _, one := range news.Put {
		if at, there := find(one.ID()); there {
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

// query asks for what came after what is known.
func (b *bindings) query() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("epoch=%s&since=%d", url.QueryEscape(b.epoch), b.number)
}

// whole is everything, as the file has it.
func (b *bindings) whole() *protocol.Bindings {
	list := b.list()
	b.mu.Lock()
	defer b.mu.Unlock()
	return &protocol.Bindings{Epoch: b.epoch, Number: b.number, All: true, Put: list}
}

// bindings reads the file. Without one, or with one that is damaged, nothing is known
// until a server tells.
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

// followBindings keeps a long poll open for bindings, and wakes the loop for each news.
func (a *Agent) followBindings(ctx context.Context, link *serverLink) {
	wait := backoff{}
	for ctx.Err() == nil {
		news := &protocol.Bindings{}
		err := link.do(ctx, http.MethodGet, "/agent/v1/bindings?"+a.bindings.query(), nil, news)
		switch {
		case errors.Is(err, errUnchanged):
			wait.reset()
		case err == nil:
			wait.reset()
			a.bindings.take(news)
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

// keepBindings writes the file, now and then, until ctx ends; then what is known.
func (a *Agent) keepBindings(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.bindings.dirty:
		}
		sleep.Context(ctx, bindingsPause)
		select {
		case <-a.bindings.dirty: // of news that came meanwhile
		default:
		}
		a.logSaveError(a.disk.write(bindingsFile, a.bindings.whole()))
	}
}
