package revision

import (
	"context"

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
	// Derived are the references of objects that allocators change with the given edits.
	Derived []string
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
	edits, derived, err := s.derive(ctx, v, edits)
	if err != nil {
		return nil, err
	}
	p, err := s.prepare(v, newDraft(v.Pending, nil), edits, EditOptions{planned: true, KeepWritten: true})
	if err != nil {
		return nil, err
	}
	out := s.plan(v, p.config)
	out.Records, out.Derived = withoutUndone(v.Records()), derived
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

// Configurations that have no number, for Compare.
const (
	SideRunning int64 = -1
	SidePending int64 = -2
)

// Compare returns the changes from one configuration to another: each is the number of a
// revision, 0 for the empty one before the first, SideRunning or SidePending. Live objects
// are the same on both sides.
func (s *Service) Compare(ctx context.Context, from, to int64) (*Plan, error) {
	v, err := s.View(ctx)
	if err != nil {
		return nil, err
	}
	old, err := s.side(ctx, v, from)
	if err != nil {
		return nil, err
	}
	new, err := s.side(ctx, v, to)
	if err != nil {
		return nil, err
	}
	return &Plan{Base: v.Revision, Old: old, New: new, OldLive: v.Live, NewLive: v.Live, Changes: diff.Objects(old, new)}, nil
}

// side is a configuration that Compare compares.
func (s *Service) side(ctx context.Context, v *View, n int64) (*model.Config, error) {
	switch n {
	case SideRunning:
		return v.Running, nil
	case SidePending:
		return v.Pending, nil
	case 0:
		return &model.Config{}, nil
	}
	r, err := s.Revision(ctx, n)
	if err != nil {
		return nil, err
	}
	return r.Config, nil
}
