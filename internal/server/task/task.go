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
	prefixBeat = "taskbeat/" // taskbeat/<owner>: shows that the owner is alive
)

// Errors of the Service, for errors.Is.
var (
	// ErrUnknown: the task does not exist, or was removed because of its age.
	ErrUnknown = errors.New("no such task")
	// ErrBusy: the server runs the maximum number of tasks.
	ErrBusy = errors.New("too many tasks are running")
	// ErrStopped: the server is about to stop.
	ErrStopped = errors.New("the server stops")
)

// The results of a task, in addition to the texts of errors.
const (
	// OK is the result of a successful task.
	OK = "OK"
	// Died is the result of a task with a server that died.
	Died = "stopped, server died"
	// Requested is the result of a task that a user stopped.
	Requested = "stopped on request"
	// Interrupted is the result of a task with a server that was stopped.
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
	// Stop is set when a user has requested its end.
	Stop bool `json:"stop,omitempty"`
	// LogSize is the size of its log in bytes, set at its end.
	LogSize int `json:"logSize,omitempty"`
}

// Running reports whether the task has not ended.
func (t *Task) Running() bool { return t.Exit == "" }

// suffix returns the part of a task's keys after the prefix. The start is first so that
// a listing is in order of time.
func (u UPID) suffix() string { return fmt.Sprintf("%011d/%s", u.Start, u) }

// parse decodes a task's record.
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
