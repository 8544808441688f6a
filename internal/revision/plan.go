package revision

import (
	"context"
	"fmt"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Plan is what an apply would change.
type Plan struct {
	// Base is the running revision.
	Base int64
	// Old is the running configuration, New the one after the apply.
	Old, New *model.Config
	// OldLive and NewLive differ only for a plan with edits of live objects.
	OldLive, NewLive *model.Config
	Changes          []diff.Change
	// Token identifies the change from Old to New, for Apply.
	Token string
	// Pending identifies the pending configuration that the plan was made from,
	// for EditOptions.Pending and Discard.
	Pending  string
	Warnings model.Problems
	// Records are the pending edits in the plan, oldest first, without those that are undone.
	Records []Record
}

// Plan returns what an apply would change if these edits, which may be none,
// were made first.
func (s *Service) Plan(ctx context.Context, edits []model.Edit) (*Plan, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	p, err := s.prepare(v, newDraft(v.Pending, nil), edits, EditOptions{planned: true, KeepWritten: true})
	if err != nil {
		return nil, err
	}
	out := s.plan(v, p.config)
	out.Records = withoutUndone(v.Records())
	out.NewLive = liveAfter(v.Live, p.live)
	out.Changes = append(out.Changes, p.liveChanges(v)...)
	for _, w := range p.warnings {
		if !w.Kind.Revisioned() {
			out.Warnings = append(out.Warnings, w)
		}
	}
	out.Warnings = append(out.Warnings, inUse(editsBetween(out.Old, out.New), func() *model.Config { return out.NewLive })...)
	return out, nil
}

// PlanRevision returns what a rollback to revision n would change.
func (s *Service) PlanRevision(ctx context.Context, n int64) (*Plan, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Revision(ctx, n)
	if err != nil {
		return nil, err
	}
	out := s.plan(v, r.Config)
	out.Warnings = append(out.Warnings, inUse(editsBetween(out.Old, out.New), func() *model.Config { return out.NewLive })...)
	return out, nil
}

// plan compares the running configuration with another one. It reports every error of the
// new one; errors that prevent an apply are found then.
func (s *Service) plan(v *View, to *model.Config) *Plan {
	return &Plan{
		Base: v.Revision, Old: v.Running, New: to, OldLive: v.Live, NewLive: v.Live,
		Changes: diff.Objects(v.Running, to), Token: v.token(to), Pending: v.pendingToken(), Warnings: model.Validate(to, s.known()),
	}
}

// Names of the configurations that have no number, for Compare.
const (
	NameRunning = "running"
	NamePending = "pending"
)

// Compare returns the changes from one configuration to another: each is the number of a
// revision, 0 for the empty one before the first, NameRunning or NamePending. Live objects
// are the same on both sides.
func (s *Service) Compare(ctx context.Context, from, to string) (*Plan, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	old, err := s.named(ctx, v, from)
	if err != nil {
		return nil, err
	}
	new, err := s.named(ctx, v, to)
	if err != nil {
		return nil, err
	}
	return &Plan{Base: v.Revision, Old: old, New: new, OldLive: v.Live, NewLive: v.Live, Changes: diff.Objects(old, new)}, nil
}

// named is a configuration by its name for Compare.
func (s *Service) named(ctx context.Context, v *View, name string) (*model.Config, error) {
	switch name {
	case NameRunning:
		return v.Running, nil
	case NamePending:
		return v.Pending, nil
	}
	n, err := strconv.ParseInt(name, 10, 64)
	switch {
	case err != nil || n < 0:
		return nil, fmt.Errorf("configuration %q: %w: name the number of a revision, %s or %s", name, ErrNotFound, NameRunning, NamePending)
	case n == 0:
		return &model.Config{}, nil
	}
	r, err := s.Revision(ctx, n)
	if err != nil {
		return nil, err
	}
	return r.Config, nil
}
