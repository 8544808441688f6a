package access

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// faulty is a store whose transactions fail now and then, before or after they
// were committed, as they seem to a server that is killed or loses its network.
type faulty struct {
	store.Store
	mu       sync.Mutex
	random   *rand.Rand
	reliable bool // nothing fails, others are faster only
}

func (f *faulty) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	f.mu.Lock()
	dice := f.random.IntN(20)
	if f.reliable {
		dice += 2
	}
	f.mu.Unlock()
	for range dice {
		runtime.Gosched() // let another be faster
	}
	if dice == 0 {
		return 0, fmt.Errorf("before the commit: %w", store.ErrUnavailable)
	}
	rev, err := f.Store.Txn(ctx, conds, ops)
	if dice == 1 && err == nil {
		return 0, fmt.Errorf("after the commit: %w", store.ErrUnavailable)
	}
	return rev, err
}

// Two servers add, permit and delete the same few objects on a store that fails
// now and then. Whatever happens, nothing is left that names what is gone, and of
// two who add the same only one succeeds.
func TestServersAtOnce(t *testing.T) {
	inner := mem.New()
	st := &faulty{Store: inner, random: rand.New(rand.NewPCG(1, 2))}
	ctx := t.Context()
	_, err := Open(ctx, inner, Options{cost: cheap})
	must(t, err)
	var all sync.WaitGroup
	for server := range 2 {
		s, err := Open(ctx, st, Options{cost: cheap})
		must(t, err)
		for worker := range 2 {
			random := rand.New(rand.NewPCG(uint64(server), uint64(worker)))
			all.Go(func() {
				for range 150 {
					if err := step(ctx, s, random); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	all.Wait()
	s, err := Open(ctx, inner, Options{cost: cheap})
	must(t, err)
	whole(t, s)
}

// step makes one change at random; errors that such a change may have are none.
func step(ctx context.Context, s *Service, random *rand.Rand) error {
	user := fmt.Sprintf("u%d@pve", random.IntN(3))
	group := fmt.Sprintf("g%d", random.IntN(2))
	role := fmt.Sprintf("r%d", random.IntN(2))
	token := Token{User: user, Name: "ci"}
	path := fmt.Sprintf("/sdn/zones/z%d", random.IntN(3))
	var err error
	switch random.IntN(9) {
	case 0:
		err = s.PutUser(ctx, User{ID: user, Enable: true, Groups: []string{group}})
	case 1:
		err = s.DeleteUser(ctx, user)
	case 2:
		err = s.PutGroup(ctx, Group{ID: group})
	case 3:
		err = s.DeleteGroup(ctx, group)
	case 4:
		err = s.PutRole(ctx, Role{ID: role, Privileges: []Privilege{SDNAudit}})
	case 5:
		err = s.DeleteRole(ctx, role)
	case 6:
		_, err = s.CreateToken(ctx, token)
	default:
		e := []ACLEntry{{path, SubjectUser, user, role, true}, {path, SubjectGroup, group, role, true}, {path, SubjectToken, token.ID(), role, true}}
		err = s.SetACL(ctx, e[random.IntN(len(e))])
	}
	for _, expected := range []error{ErrExists, ErrNotFound, ErrInvalid, ErrInUse, ErrChanged, store.ErrUnavailable} {
		if errors.Is(err, expected) {
			return nil
		}
	}
	return err
}

// whole checks that everything named exists.
func whole(t *testing.T, s *Service) {
	t.Helper()
	v := s.view()
	for _, e := range s.ACL() {
		if err := v.checkEntry(e); err != nil {
			t.Errorf("left behind: %v", err)
		}
	}
	for _, token := range s.Tokens("") {
		if v.users[token.User] == nil {
			t.Errorf("token %s is left behind", token.ID())
		}
	}
	for _, g := range s.Groups() {
		for _, m := range g.Members {
			if v.users[m] == nil || !slices.Contains(v.users[m].groups, g.ID) {
				t.Errorf("member %s of group %s is left behind", m, g.ID)
			}
		}
	}
}

// Of servers that add the same users at once one succeeds with each, and all write their
// own without a loss.
func TestNoChangeIsLost(t *testing.T) {
	st := mem.New()
	var all sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for server := range 4 {
		s, err := Open(t.Context(), &faulty{Store: st, random: rand.New(rand.NewPCG(1, uint64(server))), reliable: true}, Options{cost: cheap})
		must(t, err)
		all.Go(func() {
			for i := range 10 {
				err := s.PutUser(t.Context(), User{ID: fmt.Sprintf("same%d@pve", i)})
				mu.Lock()
				if err == nil {
					won++
				} else if !errors.Is(err, ErrExists) {
					t.Error(err)
				}
				mu.Unlock()
				id := fmt.Sprintf("s%d-%d@pve", server, i)
				if err := s.PutUser(t.Context(), User{ID: id}); err != nil {
					t.Error(err)
				}
				if _, err := s.User(id); err != nil {
					t.Errorf("right after: %v", err)
				}
			}
		})
	}
	all.Wait()
	s, err := Open(t.Context(), st, Options{cost: cheap})
	must(t, err)
	if n := len(s.Users()); won != 10 || n != 1+10+40 {
		t.Errorf("10 users were added %d times, %d users in all", won, n)
	}
}

func BenchmarkHasWithStore(b *testing.B) {
	s, err := Open(b.Context(), mem.New(), Options{cost: cheap})
	if err != nil {
		b.Fatal(err)
	}
	var entries []ACLEntry
	if err := s.PutUser(b.Context(), User{ID: "bob@pve", Enable: true}); err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		entries = append(entries, ACLEntry{fmt.Sprintf("/sdn/zones/z%d/v%d", i%50, i), SubjectUser, "bob@pve", "PVESDNUser", true})
	}
	if err := s.SetACL(b.Context(), entries...); err != nil {
		b.Fatal(err)
	}
	id := Identity{User: "bob@pve"}
	for b.Loop() {
		if !s.Has(id, "/sdn/zones/z9/v9", SDNUse) {
			b.Fatal("nothing")
		}
	}
}
