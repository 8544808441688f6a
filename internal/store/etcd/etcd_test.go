package etcd_test

import (
	"net/url"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/conformance"
	"github.com/viaduct-sdn/viaduct/internal/store/etcd"
)

func open(t *testing.T, c etcd.Embedded) *etcd.Store {
	t.Helper()
	s, err := etcd.OpenEmbedded(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestEmbeddedConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) store.Store { return open(t, etcd.Embedded{Dir: t.TempDir()}) })
}

// TestExternalConformance runs the suite through a client of an etcd that
// listens on loopback, as an external cluster does.
func TestExternalConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) store.Store {
		s, err := etcd.OpenExternal(t.Context(), etcd.External{Endpoints: []string{listen(t)}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// listen starts a stock etcd on loopback and returns its client URL.
func listen(t *testing.T) string {
	t.Helper()
	cfg := embed.NewConfig()
	cfg.Dir = t.TempDir()
	cfg.TickMs, cfg.ElectionMs = 10, 50
	loopback := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = loopback, loopback
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = nil, loopback
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	select {
	case <-e.Server.ReadyNotify():
	case <-time.After(20 * time.Second):
		t.Fatal("etcd did not become ready")
	}
	return "http://" + e.Clients[0].Addr().String()
}
