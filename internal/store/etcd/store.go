// Package etcd keeps state in etcd: one embedded in the server's own process
// (OpenEmbedded), which needs only a data directory, or an existing cluster
// (OpenExternal). All code except the start is the same.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// Root precedes every key, so that a cluster can be shared with others.
const Root = "/viaduct/"

// MaxBytes bounds one transaction in the embedded etcd, in bytes. An external
// cluster has its own limit (etcd --max-request-bytes, by default 1.5 MiB).
const MaxBytes = 8 << 20

// maxSend bounds what is sent to a cluster at once, in bytes: the cluster's own limit is
// lower and is the effective one.
const maxSend = 2 * MaxBytes

// requestTimeout bounds each read and write. It is longer than an external
// cluster needs to choose a new leader.
const requestTimeout = 10 * time.Second

// Store is an etcd, embedded or external. Create one with OpenEmbedded or OpenExternal.
type Store struct {
	client *clientv3.Client
	kv     etcdserverpb.KVClient // for transactions
	// writable reports whether a write may be tried: nil or the reason against. wrote gets
	// the number of bytes of each write.
	writable func(ctx context.Context, ops []store.Op) error
	wrote    func(bytes int)
	// room is that of an embedded etcd.
	room *room
	// where names the store in messages.
	where string
	stop  func() error

	ctx    context.Context // ends with Close, or when an embedded etcd fails
	cancel context.CancelCauseFunc
	close  sync.Once
}

var _ store.Store = (*Store)(nil)

var errClosed = errors.New("the store was closed")

func newStore(client *clientv3.Client, kv etcdserverpb.KVClient, where string, stop func() error) *Store {
	s := &Store{client: client, kv: kv, where: where, stop: stop}
	s.writable, s.wrote = func(context.Context, []store.Op) error { return nil }, func(int) {}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// Failed is closed when the store cannot be used any more: it was closed, or an embedded
// etcd failed (see Err). A server then ends, and is to be restarted.
func (s *Store) Failed() <-chan struct{} { return s.ctx.Done() }

// Err is why Failed is closed, nil while it is not.
func (s *Store) Err() error {
	if cause := context.Cause(s.ctx); cause != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, cause)
	}
	return nil
}

// call bounds a request by the caller's context, by the store's lifetime and by
// requestTimeout.
func (s *Store) call(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key string) (store.Record, error) {
	rctx, cancel := s.call(ctx)
	defer cancel()
	resp, err := s.client.Get(rctx, Root+key)
	if err != nil {
		return store.Record{}, s.explain(ctx, "reading "+key, err)
	}
	if len(resp.Kvs) == 0 {
		return store.Record{}, fmt.Errorf("%s: %w", key, store.ErrNotFound)
	}
	kv := resp.Kvs[0]
	return store.Record{Key: key, Value: kv.Value, Revision: kv.ModRevision}, nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix, from string) ([]store.Record, int64, error) {
	rctx, cancel := s.call(ctx)
	defer cancel()
	start, end := Root+prefix, clientv3.GetPrefixRangeEnd(Root+prefix)
	if Root+from > start {
		start = Root + from
	}
	if start >= end { // nothing can exist there; etcd rejects such a range
		start = end + "\x00"
		end = start + "\x00"
	}
	resp, err := s.client.Get(rctx, start, clientv3.WithRange(end))
	if err != nil {
		return nil, 0, s.explain(ctx, "listing "+prefix, err)
	}
	var out []store.Record
	for _, kv := range resp.Kvs {
		key := strings.TrimPrefix(string(kv.Key), Root)
		out = append(out, store.Record{Key: key, Value: kv.Value, Revision: kv.ModRevision})
	}
	return out, resp.Header.Revision, nil
}

// Txn implements store.Store.
func (s *Store) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (int64, error) {
	if err := s.writable(ctx, ops); err != nil {
		return 0, err
	}
	r, err := request(conds, ops)
	if err != nil {
		return 0, err
	}
	rctx, cancel := s.call(ctx)
	defer cancel()
	resp, err := s.kv.Txn(rctx, r, grpc.MaxCallSendMsgSize(maxSend))
	if err != nil {
		return 0, s.explain(ctx, "writing", clientv3.ContextError(rctx, err))
	}
	if !resp.Succeeded {
		return 0, store.ErrConflict
	}
	s.wrote(size(ops))
	return resp.Header.Revision, nil
}

// size is how many bytes a transaction writes.
func size(ops []store.Op) int {
	n := 0
	for _, op := range ops {
		n += len(op.Key) + len(op.Value)
	}
	return n
}

// request is a transaction in etcd's own types: those of the client, which copy every
// condition twice, cause a good part of a busy server's garbage.
func request(conds []store.Cond, ops []store.Op) (*etcdserverpb.TxnRequest, error) {
	r := &etcdserverpb.TxnRequest{Compare: make([]*etcdserverpb.Compare, len(conds)), Success: make([]*etcdserverpb.RequestOp, len(ops))}
	for i, c := range conds {
		r.Compare[i] = &etcdserverpb.Compare{
			Result: etcdserverpb.Compare_EQUAL, Target: etcdserverpb.Compare_MOD, Key: []byte(Root + c.Key),
			TargetUnion: &etcdserverpb.Compare_ModRevision{ModRevision: c.Revision},
		}
	}
	for i, op := range ops {
		r.Success[i] = &etcdserverpb.RequestOp{}
		key := Root + op.Key
		switch {
		case op.Key == "":
			return nil, errors.New("a write of the empty key")
		case op.Prefix:
			all := &etcdserverpb.DeleteRangeRequest{Key: []byte(key), RangeEnd: []byte(clientv3.GetPrefixRangeEnd(key))}
			r.Success[i].Request = &etcdserverpb.RequestOp_RequestDeleteRange{RequestDeleteRange: all}
		case op.Delete:
			r.Success[i].Request = &etcdserverpb.RequestOp_RequestDeleteRange{RequestDeleteRange: &etcdserverpb.DeleteRangeRequest{Key: []byte(key)}}
		default:
			r.Success[i].Request = &etcdserverpb.RequestOp_RequestPut{RequestPut: &etcdserverpb.PutRequest{Key: []byte(key), Value: op.Value}}
		}
	}
	return r, nil
}

// watchAhead is how many transactions a watch reads ahead.
const watchAhead = 16

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, prefix string, after int64) <-chan store.Batch {
	// The reader is woken for several at once when many come.
	out := make(chan store.Batch, watchAhead)
	go func() {
		defer close(out)
		// A member that lost its cluster stays silent for ever unless the request demands
		// that it ends the watch then; the watcher tries again, perhaps at another member.
		wctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		send := func(b store.Batch) bool {
			select {
			case out <- b:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for resp := range s.client.Watch(wctx, Root+prefix, clientv3.WithPrefix(), clientv3.WithRev(after+1)) {
			if err := resp.Err(); err != nil {
				send(store.Batch{Err: s.explain(ctx, "watching "+prefix, err)})
				return
			}
			for _, b := range split(resp.Events) {
				if !send(b) {
					return
				}
			}
		}
		if ctx.Err() == nil {
			send(store.Batch{Err: s.explain(ctx, "watching "+prefix, errors.New("the watch ended"))})
		}
	}()
	return out
}

// split makes one batch of the events of each transaction; etcd sends the events of
// several together, but never splits those of one.
func split(events []*clientv3.Event) []store.Batch {
	var out []store.Batch
	for len(events) > 0 {
		at := events[0].Kv.ModRevision
		n := slices.IndexFunc(events, func(e *clientv3.Event) bool { return e.Kv.ModRevision != at })
		if n < 0 {
			n = len(events)
		}
		b := store.Batch{Revision: at, Events: make([]store.Event, n)}
		for i, e := range events[:n] {
			b.Events[i] = store.Event{
				Record:  store.Record{Key: strings.TrimPrefix(string(e.Kv.Key), Root), Value: e.Kv.Value, Revision: at},
				Deleted: e.Type == clientv3.EventTypeDelete,
			}
		}
		out, events = append(out, b), events[n:]
	}
	return out
}

// explain converts an error of etcd into one of package store that names the attempted
// operation. An error of the caller's own context is returned unchanged.
func (s *Store) explain(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if cause := context.Cause(s.ctx); cause != nil {
		return fmt.Errorf("%s: %w: %w", what, store.ErrUnavailable, cause)
	}
	code := status.Code(err)
	var ee rpctypes.EtcdError
	if errors.As(err, &ee) {
		code = ee.Code()
	}
	switch {
	case errors.Is(err, rpctypes.ErrNoSpace):
		return fmt.Errorf("%s: %w: %s has reached its size limit and takes no more writes; %s", what, store.ErrNoSpace, s.where,
			"an embedded store frees what it can when the server is started anew, an external etcd needs etcdctl compact, defrag and alarm disarm")
	case errors.Is(err, rpctypes.ErrCompacted):
		return fmt.Errorf("%s: %w", what, store.ErrCompacted)
	case errors.Is(err, rpctypes.ErrRequestTooLarge), code == codes.ResourceExhausted && !errors.Is(err, rpctypes.ErrTooManyRequests):
		return fmt.Errorf("%s: %w: split the change into several, or raise --max-request-bytes of an external etcd (%w)", what, store.ErrTooLarge, err)
	case errors.Is(err, rpctypes.ErrTooManyOps):
		return fmt.Errorf("%s: %w: split the change into several, or raise --max-txn-ops of an external etcd (%w)", what, store.ErrTooLarge, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		code == codes.Unavailable, code == codes.DeadlineExceeded, code == codes.Canceled, code == codes.ResourceExhausted, code == codes.DataLoss:
		return fmt.Errorf("%s: %w: %s did not answer within %s (%w)", what, store.ErrUnavailable, s.where, requestTimeout, err)
	}
	return fmt.Errorf("%s in %s: %w", what, s.where, err)
}

// Close implements store.Store.
func (s *Store) Close() error {
	var err error
	s.close.Do(func() {
		s.cancel(errClosed)
		err = s.stop()
	})
	return err
}
