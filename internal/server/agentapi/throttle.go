package agentapi

import (
	"encoding/json"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/viaduct-sdn/viaduct/internal/server/problem"
)

// Limits of failed joins from one address: a burst, and then one in each interval. Tokens
// cannot be guessed; this limits the cost of a host that tries.
const (
	failureBurst    = 10
	failureInterval = 5 * time.Second
	// maxAddresses limits the memory; when it is full all are forgotten.
	maxAddresses = 4096
)

// throttle counts failures by address. The zero value is ready.
type throttle struct {
	mu   sync.Mutex
	byIP map[string]*rate.Limiter
}

// count counts a failure.
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

// wait returns how long an address has to wait before its next attempt.
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

// lenient decodes a report. Unlike an edit it may have fields that this server does not
// know: agents may be newer while a cluster is being upgraded.
func lenient(b []byte, into any) error {
	if err := problem.Measure(b); err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return problem.Invalid("the report is not understood: %s", err)
	}
	return nil
}
