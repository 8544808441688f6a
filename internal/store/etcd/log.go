package etcd

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger gives etcd a logger that writes to log, two levels lower: an operator of
// Viaduct can do nothing about etcd's warnings, and a clean stop logs errors. Fatal
// messages and panics, after which etcd expects the process to have ended, go to fatal,
// and the goroutine that logged one ends: many of them occur in goroutines of etcd, where
// nothing could recover.
func zapLogger(log *slog.Logger, fatal func(error)) *zap.Logger {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return zap.New(&bridge{log: log}, zap.WithFatalHook(fatalHook(fatal)), zap.WithPanicHook(fatalHook(fatal)))
}

// bridge is a zap core on top of slog.
type bridge struct {
	log    *slog.Logger
	fields []zapcore.Field
}

func lower(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.DPanicLevel:
		return slog.LevelError
	case l == zapcore.ErrorLevel:
		return slog.LevelInfo
	case l == zapcore.WarnLevel:
		return slog.LevelDebug
	}
	return slog.LevelDebug - 4
}

// Enabled implements zapcore.LevelEnabler. Fatal messages always pass: the hook
// must see them.
func (b *bridge) Enabled(l zapcore.Level) bool {
	return l >= zapcore.DPanicLevel || b.log.Enabled(context.Background(), lower(l))
}

// With implements zapcore.Core.
func (b *bridge) With(fields []zapcore.Field) zapcore.Core {
	return &bridge{log: b.log, fields: slices.Concat(b.fields, fields)}
}

// Check implements zapcore.Core.
func (b *bridge) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return ce.AddCore(e, b)
	}
	return ce
}

// Write implements zapcore.Core.
func (b *bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range slices.Concat(b.fields, fields) {
		f.AddTo(enc)
	}
	attrs := []slog.Attr{slog.String("component", "etcd")}
	for _, f := range slices.Concat(b.fields, fields) {
		if v, ok := enc.Fields[f.Key]; ok {
			attrs = append(attrs, slog.Any(f.Key, v))
		}
	}
	b.log.LogAttrs(context.Background(), lower(e.Level), e.Message, attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (*bridge) Sync() error { return nil }

// fatalHook replaces the exit of the process.
type fatalHook func(error)

// OnWrite implements zapcore.CheckWriteHook. It does not return.
func (h fatalHook) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := errors.New(e.Message)
	for _, f := range fields {
		if cause, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			err = &engineError{message: e.Message, cause: cause}
		}
	}
	if h != nil {
		h(err)
	}
	zapcore.WriteThenGoexit.OnWrite(e, fields)
}

// engineError is the reason of a failure of etcd.
type engineError struct {
	message string
	cause   error
}

// Error implements error.
func (e *engineError) Error() string { return e.message + ": " + e.cause.Error() }

// Unwrap returns the cause.
func (e *engineError) Unwrap() error { return e.cause }
