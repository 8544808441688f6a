package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/etcd"
)

// times are how long calls took, each and all together, in seconds.
type times struct {
	each []float64
	all  float64
}

// parallel makes n calls, as many at a time as there are writers.
func parallel(n int, call func(i int) error) (times, error) {
	t := times{each: make([]float64, n)}
	var next atomic.Int64
	var group errgroup.Group
	began := time.Now()
	for range writers {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				start := time.Now()
				if err := call(i); err != nil {
					return err
				}
				t.each[i] = time.Since(start).Seconds()
			}
		})
	}
	err := group.Wait()
	t.all = time.Since(began).Seconds()
	return t, err
}

// repeat makes n calls one after the other.
func repeat(n int, call func(i int) error) ([]float64, error) {
	out := make([]float64, n)
	for i := range n {
		start := time.Now()
		if err := call(i); err != nil {
			return nil, err
		}
		out[i] = time.Since(start).Seconds()
	}
	return out, nil
}

// quantile is the value that a part of all does not exceed.
func quantile(values []float64, part float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return v[min(int(part*float64(len(v))), len(v)-1)]
}

// record is of the size of the record of a VNet that was made.
const record = `{"time":"2026-01-01T00:00:00.000000000Z","author":"root@pam!bench","edits":[{"kind":"vnet","id":"v10000",` +
	`"object":{"id":"v10000","zone":"overlay","tag":10001,"alias":"network 10000"}}]}`

// floor is what puts alone take.
func floor(ctx context.Context) (t times, err error) {
	dir, err := os.MkdirTemp("", "viaduct-bench-")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	st, err := etcd.OpenEmbedded(ctx, etcd.Embedded{Dir: dir})
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	put := func(i int) error {
		_, err := st.Txn(ctx, nil, []store.Op{store.Put(fmt.Sprintf("pending/%016d", i), []byte(record))})
		return err
	}
	if _, err := parallel(vnets, put); err != nil { // as many as the server has
		return t, err
	}
	return parallel(more, func(i int) error { return put(vnets + i) })
}
