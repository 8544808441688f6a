package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/syslog"
	"os"
	"sync"
)

// Sink gets every entry in addition to the store, which keeps the newest only.
type Sink interface {
	// Write writes entries, in their order.
	Write(entries []Entry) error
	// Reopen opens a moved file again, as after a rotation.
	Reopen() error
	// Close closes the sink.
	Close() error
}

// line is an entry as sinks write it: JSON on one line, with its ID.
func line(e Entry) []byte {
	b, err := json.Marshal(struct {
		ID string `json:"id"`
		Entry
	}{e.ID, e})
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	return b
}

// file is a Sink that appends to a file.
type file struct {
	path string
	mu   sync.Mutex
	f    *os.File
}

// OpenFile creates a Sink that appends a line of JSON for each entry to a file, which only
// its owner can read. It continues to write to a renamed file until Reopen.
func OpenFile(path string) (Sink, error) {
	s := &file{path: path}
	return s, s.Reopen()
}

// Write implements Sink.
func (s *file) Write(entries []Entry) error {
	var b bytes.Buffer
	for _, e := range entries {
		b.Write(line(e))
		b.WriteByte('\n')
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// One write: no reader sees half a line, and a full disk costs no older ones.
	_, err := s.f.Write(b.Bytes())
	return err
}

// Reopen implements Sink.
func (s *file) Reopen() error {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("the file for audit entries cannot be written: %w; make its directory, or name another file with --audit-file", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.f
	if s.f = f; old == nil {
		return nil
	}
	return old.Close()
}

// Close implements Sink.
func (s *file) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f.Close()
}

// system is a Sink that writes to the host's syslog.
type system struct{ w *syslog.Writer }

// OpenSyslog creates a Sink that sends each entry to the host's syslog as JSON, with the
// facility authpriv.
func OpenSyslog() (Sink, error) {
	w, err := syslog.New(syslog.LOG_AUTHPRIV|syslog.LOG_NOTICE, "viaduct-audit")
	if err != nil {
		return nil, fmt.Errorf("the host's syslog does not take audit entries: %w; start a syslog daemon, or leave out --audit-syslog", err)
	}
	return &system{w}, nil
}

// Write implements Sink.
func (s *system) Write(entries []Entry) error {
	var errs []error
	for _, e := range entries {
		_, err := s.w.Write(line(e))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Reopen implements Sink. A lost connection is opened again with the next entry.
func (*system) Reopen() error { return nil }

// Close implements Sink.
func (s *system) Close() error { return s.w.Close() }
