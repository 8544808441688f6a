package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Prefixes of the store.
const (
	prefixTask = "task/"     // task/<start>/<upid>: Task
	prefixLog  = "tasklog/"  // tasklog/<start>/<upid>: text
	prefixBeat = "taskbeat/" // taskbeat/<owner>: shows that the owner lives
)

// Errors of the Service, to be tested with errors.Is.
var (
	// ErrUnknown: there is no such task, or it is so old that it was removed.
	ErrUnknown = errors.New("no such task")
	// ErrBusy: the server runs as many tasks as it takes.
	ErrBusy = errors.New("too many tasks are running")
	// ErrStopped: the server is about to stop.
	ErrStopped = errors.New("the server stops")
)

// What becomes of a task, beside the text of its error.
const (
	// OK is the end of a task that did what it should.
	OK = "OK"
	// Died is the end of a task whose server is gone.
	Died = "stopped, server died"
	// Requested is the end of a task that somebody stopped.
	Requested = "stopped on request"
	// Interrupted is the end of a task whose server was stopped.
	Interrupted = "stopped with the server"
)

// Task is one task.
type Task struct {
	// Name is its UPID as text.
	Name string `json:"name"`
	UPID `json:"-"`
	// End is when it ended; zero while it runs.
	End time.Time `json:"end,omitzero"`
	// Exit is OK, or why the task failed; empty while it runs.
	Exit string `json:"exit,omitempty"`
	// Owner is the process that runs it.
	Owner string `json:"owner"`
	// Stop is set once somebody wants it to end.
	Stop bool `json:"stop,omitempty"`
	// LogSize is how many bytes its log has, known when it has ended.
	LogSize int `json:"logSize,omitempty"`
}

// Running reports whether the task has not ended.
func (t *Task) Running() bool { return t.Exit == "" }

// suffix is the part of a task's keys that follows the prefix. The start comes
// first so that a listing is in order of time.
func (u UPID) suffix() string { return fmt.Sprintf("%011d/%s", u.Start, u) }

// parse reads a task's record.
func parse(r store.Record) (*Task, error) {
	t := &Task{}
	if err := json.Unmarshal(r.Value, t); err != nil {
		return nil, err
	}
	u, ok := ParseUPID(t.Name)
	if !ok || !strings.HasSuffix(r.Key, u.suffix()) {
		return nil, fmt.Errorf("its name %q is not that of the key", t.Name)
	}
	t.UPID = u
	return t, nil
}
