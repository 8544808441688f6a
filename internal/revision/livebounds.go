package revision

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// ErrLiveFull means that the limit of live objects is reached.
var ErrLiveFull = errors.New("too many objects that take effect at once")

// Live is the limit of objects that take effect at once (guests with their NICs, external
// systems, firewalls), and of their stored bytes: each server has all of them in memory,
// and reads them at its start.
type Live struct {
	Objects int
	Bytes   int64
}

// DefaultLive suffices for some ten guests on each of ten thousand VNets.
var DefaultLive = Live{Objects: 200_000, Bytes: 96 << 20}

// recount is for how long the size of other servers' writes is not computed again, which
// requires encoding every object.
const recount = 5 * time.Second

// liveSize is how large the live objects of a view are.
type liveSize struct {
	mu     sync.Mutex
	mark   int64 // of the view
	bytes  int64
	looked time.Time
}

// of returns the size of the live objects of a view, or of one of a moment ago.
func (l *liveSize) of(v *View, now time.Time) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mark == v.liveMark || !l.looked.IsZero() && now.Sub(l.looked) < recount {
		return l.bytes, nil
	}
	total := int64(0)
	for _, k := range model.Kinds() {
		if k.Revisioned() {
			continue
		}
		for _, o := range v.Live.List(k) {
			n, err := encodedSize(o)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	l.mark, l.bytes, l.looked = v.liveMark, total, now
	return total, nil
}

// recordWrite notes what this server stored on a mark, which changes with it.
func (l *liveSize) recordWrite(from, to, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes += bytes
	if l.mark == from {
		l.mark = to
	}
}

func encodedSize(o model.Object) (int64, error) {
	if o == nil {
		return 0, nil
	}
	b, err := encode(o)
	return int64(len(b)), err
}

// growth is by how many objects and bytes edits make the live objects of a view more.
func growth(v *View, edits []model.Edit) (objects int, bytes int64, err error) {
	for _, e := range edits {
		old, err := encodedSize(v.Live.Get(e.Kind, e.ID))
		if err != nil {
			return 0, 0, err
		}
		added, err := encodedSize(e.Put)
		if err != nil {
			return 0, 0, err
		}
		switch {
		case e.Put == nil && old > 0:
			objects--
		case e.Put != nil && old == 0:
			objects++
		}
		bytes += added - old
	}
	return objects, bytes, nil
}

// admitLive rejects edits that would exceed the limit of live objects. It always accepts
// edits that reduce their number.
func (s *Service) admitLive(v *View, edits []model.Edit) error {
	objects, bytes, err := growth(v, edits)
	if err != nil || objects <= 0 && bytes <= 0 {
		return err
	}
	have := v.Live.Len()
	size, err := s.liveSize.of(v, s.now())
	if err != nil {
		return err
	}
	if objects > 0 && have+objects > s.liveMost.Objects || bytes > 0 && size+bytes > s.liveMost.Bytes {
		return fmt.Errorf("%w: with this request there would be %d of %d KiB, and at most %d of %d KiB may be; nothing was changed: delete guests, firewall objects or external systems that are gone",
			ErrLiveFull, have+objects, (size+bytes)>>10, s.liveMost.Objects, s.liveMost.Bytes>>10)
	}
	return nil
}
