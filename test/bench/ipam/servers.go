package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
)

// kv is an etcd that serves on the loopback.
type kv struct {
	url  string
	data string
	etcd *embed.Etcd
}

// startTimeout bounds the start of a process.
const startTimeout = 30 * time.Second

func startStore() (*kv, error) {
	data, err := os.MkdirTemp("", "viaduct-bench-etcd-")
	if err != nil {
		return nil, err
	}
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel, cfg.LogOutputs = data, "error", []string{"stderr"}
	cfg.QuotaBackendBytes = 4 << 30
	any := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	cfg.ListenClientUrls, cfg.ListenPeerUrls = []url.URL{any}, []url.URL{any}
	cfg.AdvertiseClientUrls, cfg.AdvertisePeerUrls = []url.URL{any}, []url.URL{any}
	cfg.InitialCluster = cfg.Name + "=" + any.String()
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	k := &kv{data: data, etcd: e}
	select {
	case <-e.Server.ReadyNotify():
	case <-time.After(startTimeout):
		return nil, errors.Join(errors.New("etcd does not start"), k.stop())
	}
	k.url = "http://" + e.Clients[0].Addr().String()
	return k, nil
}

func (k *kv) stop() error {
	k.etcd.Close()
	return os.RemoveAll(k.data)
}

// floor returns what makes a transaction of the form of an allocation: two keys that
// must not exist, and are written.
func (k *kv) floor(ctx context.Context) (write func(worker, i int) error, closeAll func(), err error) {
	var conns []*clientv3.Client
	closeAll = func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	for range servers {
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{k.url}, DialTimeout: startTimeout})
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		conns = append(conns, c)
	}
	return func(worker, i int) error {
		address, owner := fmt.Sprintf("floor/address/z1/10.0.%d.%d", i>>8, i&255), "floor/owner/z1/"+mac(i)
		resp, err := conns[worker%servers].Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(address), "=", 0), clientv3.Compare(clientv3.ModRevision(owner), "=", 0)).
			Then(clientv3.OpPut(address, `{"vnet":"v1","mac":"`+mac(i)+`","name":"guest10000","since":"2026-01-01T00:00:00Z"}`),
				clientv3.OpPut(owner, `{"ips":["10.0.0.1"]}`)).Commit()
		if err == nil && !resp.Succeeded {
			err = errors.New("a transaction of the floor did not succeed")
		}
		return err
	}, closeAll, nil
}
