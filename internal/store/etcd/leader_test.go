package etcd_test

import (
	"errors"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/etcd"
)

// TestWatchEndsWithoutLeader watches through one member of a cluster that then
// loses the other: the member stays reachable, but would never hear of a write
// again, so the watch has to end for its owner to try elsewhere.
func TestWatchEndsWithoutLeader(t *testing.T) {
	first, stopSecond := pair(t)
	s, err := etcd.OpenExternal(t.Context(), etcd.External{Endpoints: []string{"http://" + first.Clients[0].Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	at, err := s.Txn(t.Context(), nil, []store.Op{store.Put("a", []byte("1"))})
	if err != nil {
		t.Fatal(err)
	}
	batches := s.Watch(t.Context(), "", at-1)
	timeout := time.After(20 * time.Second)
	next := func() store.Batch {
		t.Helper()
		select {
		case b := <-batches:
			return b
		case <-timeout:
			t.Fatal("the watch is silent")
			return store.Batch{}
		}
	}
	if b := next(); b.Err != nil || b.Revision != at {
		t.Fatalf("watching with a leader: %+v", b)
	}
	stopSecond()
	if b := next(); !errors.Is(b.Err, store.ErrUnavailable) {
		t.Errorf("watching without a leader: %+v", b)
	}
}

// pair starts a cluster of two members on loopback. It returns one, and what
// stops the other.
func pair(t *testing.T) (first *embed.Etcd, stopSecond func()) {
	t.Helper()
	peers := []url.URL{freeURL(t), freeURL(t)}
	var members [2]*embed.Etcd
	var stops [2]func()
	for i, name := range []string{"first", "second"} {
		cfg := embed.NewConfig()
		cfg.Name, cfg.Dir = name, t.TempDir()
		cfg.TickMs, cfg.ElectionMs = 50, 250
		loopback := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
		cfg.ListenClientUrls, cfg.AdvertiseClientUrls = loopback, loopback
		cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = peers[i:i+1], peers[i:i+1]
		cfg.InitialCluster = "first=" + peers[0].String() + ",second=" + peers[1].String()
		cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
		e, err := embed.StartEtcd(cfg)
		if err != nil {
			t.Fatal(err)
		}
		members[i], stops[i] = e, sync.OnceFunc(e.Close) // a second Close panics
		t.Cleanup(stops[i])
	}
	for _, e := range members {
		select {
		case <-e.Server.ReadyNotify():
		case <-time.After(20 * time.Second):
			t.Fatal("etcd did not become ready")
		}
	}
	return members[0], stops[1]
}

// freeURL is a URL on loopback with a port that nobody listens on.
func freeURL(t *testing.T) url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return url.URL{Scheme: "http", Host: l.Addr().String()}
}
