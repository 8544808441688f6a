package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mirror"
)

// prefixServers is the prefix of the records with the servers' URLs.
const prefixServers = "server/"

const (
	// beatEvery is the interval of a server's heartbeat; forgetAfter is the time without
	// one after which the others remove it. It is long: clients lose nothing by knowing a
	// server that is down for repair.
	beatEvery   = 5 * time.Minute
	forgetAfter = 48 * time.Hour
	// maxServers limits how many servers are advertised.
	maxServers = 32
)

// serverDoc is the value of a server's record.
type serverDoc struct {
	// URLs are its URLs: "https://192.0.2.1:8006".
	URLs []string `json:"urls"`
	// Beat changes while the server is alive.
	Beat int64 `json:"beat"`
}

// peers are the servers that share a store.
type peers struct {
	store store.Store
	log   *slog.Logger
	own   []string
	all   *mirror.Mirror[*serverDoc]

	mu sync.Mutex
	// heard is the last known heartbeat of each, by its key, and its time, by this server's clock.
	heard map[string]heardBeat
}

type heardBeat struct {
	beat int64
	at   time.Time
}

func openPeers(ctx context.Context, st store.Store, own []string, log *slog.Logger) (*peers, error) {
	p := &peers{store: st, log: log, own: own, heard: make(map[string]heardBeat)}
	var err error
	p.all, err = mirror.Open(ctx, st, prefixServers, log, func(r store.Record) (*serverDoc, error) {
		d := &serverDoc{}
		return d, json.Unmarshal(r.Value, d)
	})
	return p, err
}

// urls returns the URLs of all servers, this one's first.
func (p *peers) urls() []string {
	out := slices.Clone(p.own)
	entries, _ := p.all.All()
	var others []string
	for _, e := range entries {
		others = append(others, e.Value.URLs...)
	}
	slices.Sort(others)
	for _, u := range others {
		if !slices.Contains(out, u) && len(out) < maxServers {
			out = append(out, u)
		}
	}
	return out
}

// run keeps this server's record, until ctx ends.
func (p *peers) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { p.all.Run(ctx) })
	for beat := time.Now().UnixNano(); ctx.Err() == nil; beat++ {
		if err := p.beat(ctx, beat); err != nil && ctx.Err() == nil {
			p.log.Warn("cannot tell the other servers of this one; trying again", "error", err, "in", beatEvery)
		}
		p.forget(ctx)
		if !sleep.Context(ctx, beatEvery) {
			break
		}
	}
	wg.Wait()
}

// key is the same for a server that restarts with the same addresses.
func (p *peers) key() string {
	sum := sha256.Sum256([]byte(strings.Join(p.own, " ")))
	return hex.EncodeToString(sum[:8])
}

func (p *peers) beat(ctx context.Context, beat int64) error {
	if len(p.own) == 0 {
		return nil
	}
	b, err := json.Marshal(serverDoc{p.own, beat})
	if err != nil {
		return err
	}
	_, err = p.store.Txn(ctx, nil, []store.Op{store.Put(prefixServers+p.key(), b)})
	return err
}

// forget removes servers without a heartbeat for a long time.
func (p *peers) forget(ctx context.Context) {
	entries, _ := p.all.All()
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, e := range entries {
		if h, ok := p.heard[name]; !ok || h.beat != e.Value.Beat {
			p.heard[name] = heardBeat{e.Value.Beat, now}
			continue
		}
		if now.Sub(p.heard[name].at) < forgetAfter {
			continue
		}
		_, err := p.store.Txn(ctx, []store.Cond{{Key: prefixServers + name, Revision: e.Revision}}, []store.Op{store.Delete(prefixServers + name)})
		if err == nil {
			p.log.Info("a server has not shown itself for long and is no longer told to others", "urls", e.Value.URLs)
		} else if !errors.Is(err, store.ErrConflict) {
			p.log.Debug("cannot remove a server that is gone", "error", err)
		}
		delete(p.heard, name)
	}
}

// advertised returns the URLs at which others reach this server: the given ones or,
// without any, those of its listeners and names. Loopback addresses are advertised only
// if there are no others.
func advertised(given, names []string, listeners []net.Listener) ([]string, error) {
	for _, g := range given {
		if u, err := url.Parse(g); err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" {
			return nil, fmt.Errorf("the URL %q to tell others must be like https://server1.example.com:8006", g)
		}
	}
	if len(given) > 0 {
		return given, nil
	}
	var out, local []string
	add := func(host, port string) {
		u := "https://" + net.JoinHostPort(host, port)
		ip, err := netip.ParseAddr(host)
		switch {
		case slices.Contains(out, u) || slices.Contains(local, u):
		case err == nil && ip.IsLoopback():
			local = append(local, u)
		default:
			out = append(out, u)
		}
	}
	for _, l := range listeners {
		addr, err := netip.ParseAddrPort(l.Addr().String())
		if err != nil {
			continue // not TCP
		}
		port := fmt.Sprint(addr.Port())
		if !addr.Addr().IsUnspecified() {
			add(addr.Addr().Unmap().String(), port)
			continue
		}
		if len(names) > 0 {
			for _, n := range names {
				add(n, port)
			}
			continue
		}
		for _, ip := range hostAddresses() {
			add(ip.String(), port)
		}
	}
	if len(out) == 0 {
		out = local
	}
	return out[:min(len(out), maxServers)], nil
}

// hostAddresses returns the global addresses of this host.
func hostAddresses() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.IsGlobalUnicast() {
				out = append(out, ip.Unmap())
			}
		}
	}
	return out
}
