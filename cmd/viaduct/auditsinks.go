package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/viaduct-sdn/viaduct/internal/audit"
)

// auditSinks opens the sinks in the flags. With an error it returns those that it opened
// before.
func (f *serverFlags) auditSinks() ([]audit.Sink, error) {
	var out []audit.Sink
	if f.auditFile != "" {
		s, err := audit.OpenFile(f.auditFile)
		if err != nil {
			return out, err
		}
		out = append(out, s)
	}
	if f.auditSyslog {
		s, err := audit.OpenSyslog()
		if err != nil {
			return out, err
		}
		out = append(out, s)
	}
	return out, nil
}

// reopenOnHangup reopens the sinks at each SIGHUP, which logrotate sends, until ctx ends.
// Without sinks SIGHUP ends the process as usual.
func reopenOnHangup(ctx context.Context, sinks []audit.Sink, log *slog.Logger) {
	if len(sinks) == 0 {
		return
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		for _, s := range sinks {
			if err := s.Reopen(); err != nil {
				log.Error("audit entries still go where they went before", "error", err)
			}
		}
	}
}
