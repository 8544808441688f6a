package agentapi

import (
	"encoding/json"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/viaduct-sdn/viaduct/internal/server/problem"
)

// Failed joins from one address: so many at once, and then one each interval.
// Tokens cannot be guessed; this keeps a host that tries from costing much.
const (
	failureBurst    = 10
	failureInterval = 5 * time.Second
	// maxAddresses bounds the memory; when it is full all is forgotten.
	maxAddresses = 4096
)

// throttle counts failures by address. The zero value is ready.
type throttle struct {
	mu   sync.Mutex
	byIP map[string]*rate.Limiter
}

// count notes a failure.
func (t *throttle) count(remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byIP == nil || len(t.byIP) >= maxAddresses {
		t.byIP = make(map[string]*rate.Limiter)
	}
	ip := host(remote)
	if t.byIP[ip] == nil {
		t.byIP[ip] = rate.NewLimiter(rate.Every(failureInterval), failureBurst)
	}
	t.byIP[ip].Allow()
}

// wait is how long an address has to wait before it may try again.
func (t *throttle) wait(remote string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byIP[host(remote)]
	if l == nil || l.Tokens() >= 1 {
		return 0
	}
	return time.Duration((1 - l.Tokens()) * float64(failureInterval))
}

func host(remote string) string {
	if ip, _, err := net.SplitHostPort(remote); err == nil {
		return ip
	}
	return remote
}

// lenient decodes a report. Unlike an edit it may have fields that this server
// does not know: agents may be newer while a cluster is being upgraded.
func lenient(b []byte, into any) error {
	if err := problem.Measure(b); err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return problem.Invalid("the report is not understood: %s", err)
	}
	return nil
}
