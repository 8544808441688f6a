package agent

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/linux/sockets"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// pass brings the node to the state that its document declares, and records the
// result. The error is that of the objects which could not be created.
func (a *Agent) pass(ctx context.Context) error {
	a.mu.Lock()
	doc, hash := a.doc, a.hash
	a.mu.Unlock()
	if doc == nil { // never had one: Viaduct owns nothing here
		return nil
	}
	a.passing.Lock()
	defer a.passing.Unlock()
	start := time.Now()
	current := *doc
	current.Bindings = a.bindings.list()
	facts, want, notes, err := prepare(ctx, a.System, &current)
	if err != nil {
		a.setNodeError(failure(err))
		return err
	}
	wantHash := want.Hash()

	// The state on disk records that this pass began: after a kill in the middle
	// the differences that the next one finds are unfinished work, not drift.
	expected := a.drift.expected(wantHash)
	if expected {
		a.drift.begin()
		a.logSaveError(a.disk.saveApplied(applied{}))
	}
	did, err := runDrivers(ctx, a.System, want, false)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failed := driver.ObjectErrors(err)
	if !expected {
		a.drift.record(start, did.Changes, failed)
	} else if err == nil {
		a.logSaveError(a.disk.saveApplied(applied{Want: wantHash, Boot: a.System.BootID()}))
	}
	a.drift.done(wantHash, failed, err)
	a.setLastPass(passInfo{doc, hash, want, wantHash})
	a.recordStatus(doc, hash, facts, objects(notes, failed), err, start, did.Writes)
	a.logPass(doc, did.Changes, expected, err, time.Since(start))
	return err
}

// prepare reads the node's facts and compiles its document with them.
func prepare(ctx context.Context, sys System, doc *document.Document) (*model.Facts, *desired.Node, []compile.Note, error) {
	facts, err := sys.Facts(ctx)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("cannot read the node's interfaces: %w", err)
	}
	facts.Node = doc.Node
	var reserved []string
	if self := doc.Config.Nodes[doc.Node]; self != nil {
		reserved = self.Reserved
	}
	sys.Reserve(reserved)
	want, notes := compile.Node(doc, facts)
	return facts, want, notes, nil
}

// runDrivers runs the stages in order: see driver.Run.
func runDrivers(ctx context.Context, sys System, want *desired.Node, dryRun bool) (driver.Result, error) {
	var list []driver.Reconciler[desired.Node]
	for _, s := range sys.Stages() {
		list = append(list, s.Driver)
	}
	return driver.Run(ctx, list, want, dryRun)
}

// Check returns how the node differs from the last document in an agent's data
// directory, and changes nothing. The revision is that of the document.
func Check(ctx context.Context, data string, sys System) (revision int64, changes []diff.Change, err error) {
	last, err := (&disk{dir: data}).document()
	if err != nil {
		return 0, nil, err
	}
	if last == nil {
		return 0, nil, fmt.Errorf("the agent in %s has not received a document yet", data)
	}
	doc := *last.Document
	known, err := (&disk{dir: data}).bindings()
	if err != nil {
		return doc.Revision, nil, err
	}
	if known != nil {
		doc.Bindings = known.Put
	}
	_, want, _, err := prepare(ctx, sys, &doc)
	if err != nil {
		return doc.Revision, nil, err
	}
	found, err := runDrivers(ctx, sys, want, true)
	return doc.Revision, found.Changes, err
}

// objects lists the states of single objects to report, worst first.
func objects(notes []compile.Note, failed []*driver.ObjectError) []protocol.ObjectStatus {
	var out []protocol.ObjectStatus
	for _, f := range failed {
		m := failure(f.Err)
		out = append(out, protocol.ObjectStatus{Object: f.Owner, State: protocol.Degraded, Message: m.Text, Details: m.Details, Class: classOf(f.Err)})
	}
	for _, level := range []compile.Level{compile.LevelError, compile.LevelWarning} {
		for _, n := range notes {
			if n.Level != level {
				continue
			}
			state := protocol.Converged
			if level == compile.LevelError {
				state = protocol.Degraded
			}
			out = append(out, protocol.ObjectStatus{Object: n.Object, State: state, Message: n.Message, Details: n.Details, Class: n.Class})
		}
	}
	return out
}

// classOf classifies the cause of a driver's failure to create an object.
func classOf(err error) fault.Class {
	var conflict *driver.Conflict
	var taken *sockets.TakenError
	if errors.As(err, &conflict) || errors.As(err, &taken) {
		return fault.Foreign
	}
	return ""
}

// recordStatus makes the status of a pass and wakes the reporter if anything in it
// changed, including the node's facts, from which the server makes plans.
func (a *Agent) recordStatus(doc *document.Document, hash string, facts *model.Facts, objs []protocol.ObjectStatus, err error, start time.Time, writes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &protocol.Status{
		Revision: doc.Revision, Hash: hash, State: protocol.Converged,
		Time: time.Now(), Duration: time.Since(start),
		Objects: objs,
		Drift:   a.drift.list(), Ports: a.System.Ports(), Facts: facts,
		Writes: int64(writes), Passes: 1,
	}
	for _, o := range objs {
		if o.State == protocol.Degraded {
			s.State = protocol.Degraded
		}
	}
	if err != nil {
		s.State = protocol.Degraded
	}
	if nodeErrs := driver.NodeErrors(err); len(nodeErrs) > 0 {
		m := failure(errors.Join(nodeErrs...))
		s.Message, s.Details = m.Text, m.Details
	}
	old := a.status
	if old != nil {
		s.Writes += old.Writes
		s.Passes += old.Passes
	}
	a.status = s
	if old == nil || writes > 0 || old.Hash != s.Hash || old.State != s.State || old.Message != s.Message ||
		!slices.EqualFunc(old.Objects, s.Objects, sameObject) || !slices.Equal(old.Ports, s.Ports) || !reflect.DeepEqual(old.Facts, s.Facts) {
		a.notifyLocked()
	}
}

func (a *Agent) logSaveError(err error) {
	if err != nil {
		a.Log.Warn("cannot note progress on disk; drift found after a restart may be a rest of this work", "error", err)
	}
}

func (a *Agent) logPass(doc *document.Document, changes []diff.Change, expected bool, err error, d time.Duration) {
	if err != nil {
		a.Log.Error("not everything could be applied", "revision", doc.Revision, "error", err)
	}
	if len(changes) == 0 {
		return
	}
	msg := "applied"
	for _, c := range changes {
		if !expected && c.Type != desired.TypePort {
			msg = "repaired drift"
			a.Log.Warn("drift", "change", c.String(), "object", c.Owner)
		}
	}
	a.Log.Info(msg, "revision", doc.Revision, "changes", len(changes), "took", d.Round(time.Millisecond))
}
