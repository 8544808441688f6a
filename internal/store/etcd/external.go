package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/viaduct-sdn/viaduct/internal/store"
)

// External configures the cluster for OpenExternal.
type External struct {
	// Endpoints are the URLs of the members: "https://etcd1:2379".
	Endpoints []string
	// TLS is for https endpoints: authorities and the client's certificate.
	TLS *tls.Config
	// User and Password are for a cluster with authentication; both may be empty.
	User, Password string
	Logger         *slog.Logger
}

// OpenExternal connects to an existing etcd cluster, and returns once it has
// answered. The state is kept below Root.
func OpenExternal(ctx context.Context, c External) (*Store, error) {
	if len(c.Endpoints) == 0 {
		return nil, errors.New("no etcd endpoint given: name one as https://host:2379")
	}
	where := "the etcd cluster at " + strings.Join(c.Endpoints, ", ")
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            c.Endpoints,
		TLS:                  c.TLS,
		Username:             c.User,
		Password:             c.Password,
		DialTimeout:          requestTimeout,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		MaxCallSendMsgSize:   maxSend,
		Logger:               zapLogger(c.Logger, nil),
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", where, err)
	}
	s := newStore(client, clientv3.RetryKVClient(client), where, client.Close)
	if _, err := s.Get(ctx, "running"); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, errors.Join(fmt.Errorf("connecting: %w; check that the cluster runs, its addresses, and the certificates", err), s.Close())
	}
	return s, nil
}
