package attacks

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// Connections without a login, each with a request whose body never comes: at first as
// many as the server may have files open, then from one address as many as it takes.
func TestConnectionsWithoutALogin(t *testing.T) {
	s := run(t, 400)
	honest := s.honest(t)
	var held []net.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	d := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 2 * time.Second}, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}}
	refused := 0
	for range size(450, 2000) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		c, err := d.DialContext(ctx, "tcp", s.address)
		cancel()
		if err != nil {
			refused++
			continue
		}
		held = append(held, c)
		_, _ = fmt.Fprint(c, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
	}
	if refused == 0 {
		t.Errorf("%d connections were all taken", len(held))
	}
	for range 20 {
		if _, err := s.local.Version(t.Context()); err != nil {
			t.Fatalf("the unix socket: %v", err)
		}
	}
	honest()
	if log := s.tail(); !strings.Contains(log, "connections are refused") {
		t.Errorf("the log does not tell:\n%s", log)
	}
	// What does not come is not waited for for ever.
	for _, c := range held[:3] {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := bytes.NewBuffer(nil).ReadFrom(c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Error("a connection whose request never ends is held open")
		}
	}
	s.startsAgain(t)
}

// small are bodies that take many times their size when they are decoded.
func small(n int) map[string][]byte {
	return map[string][]byte{
		"empty objects": []byte(`{"rules":[` + strings.Repeat(`{},`, n) + `{}]}`),
		"empty lists":   []byte(`{"rules":[` + strings.Repeat(`[],`, n) + `[]]}`),
		"depth":         []byte(strings.Repeat(`[`, 3*n)),
		"members":       []byte(`{` + strings.Repeat(`"":0,`, n/2) + `"":0}`),
		"numbers":       []byte(`[` + strings.Repeat(`1,`, n) + `1]`),
	}
}

// Bodies of tokens without any right, and with rights on one zone: neither takes more
// memory than a server has for all of them.
func TestBodies(t *testing.T) {
	s := run(t, 4096)
	zone := s.from(t, "127.0.0.3", s.user(t, "zone@pve", "/sdn/zones/red", "PVESDNAdmin"))
	nobody := s.from(t, "127.0.0.4", s.user(t, "nobody@pve", "", ""))
	honest := s.honest(t)
	before := s.memory(t, "VmHWM")
	n := size(1_000_000, 5_000_000)
	var wg sync.WaitGroup
	for name, body := range small(n) {
		for _, path := range []string{"PUT /api/v1/firewalls/zz", "POST /api/v1/edits", "PATCH /api/v1/zones/red", "PUT /api2/json/cluster/sdn/zones/red"} {
			method, path, _ := strings.Cut(path, " ")
			for who, c := range map[string]*caller{"nobody": nobody, "the owner of a zone": zone} {
				wg.Go(func() {
					got, text, err := c.do(context.Background(), method, path, body)
					// A server may answer, and close, before it has read all of it.
					if err == nil && (got < 400 || got == 500 && !strings.HasPrefix(path, "/api2/")) {
						t.Errorf("%s, %s to %s: %d %.100s", who, name, path, got, text)
					}
				})
			}
		}
	}
	wg.Wait()
	honest()
	if grown := s.memory(t, "VmHWM") - before; grown > 500 {
		t.Errorf("the memory grew by %d MiB", grown)
	} else {
		t.Logf("the memory grew by %d MiB", grown)
	}
	s.startsAgain(t)
}

// batch are edits that add subnets to a VNet.
func batch(from, n int) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := from; i < from+n; i++ {
		if i > from {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"kind":"subnet","object":{"vnet":"big","cidr":"10.%d.%d.%d/30","gateway":"10.%d.%d.%d"}}`,
			i>>14, i>>6&255, i<<2&255, i>>14, i>>6&255, i<<2&255|1)
	}
	b.WriteByte(']')
	return b.Bytes()
}

// Dry runs as large as they can be stop no other writer, and neither does a flood of
// pending edits; it ends at the author's bound, and a discard frees everything.
func TestLargeAndManyEdits(t *testing.T) {
	s := run(t, 4096)
	c := s.from(t, "127.0.0.3", s.user(t, "author@pve", "/sdn", "PVESDNAdmin"))
	c.must(t, 200, "PUT", "/api/v1/zones/red", map[string]any{"type": "simple"})
	c.must(t, 200, "PUT", "/api/v1/vnets/big", map[string]any{"zone": "red"})
	n := size(5000, 60_000)
	honest := s.honest(t)
	if got, text, err := c.do(t.Context(), "POST", "/api/v1/edits?dry-run=true", batch(0, n)); err != nil || got != 200 {
		t.Errorf("%d edits tried out: %d %.200s, %v", n, got, text, err)
	}
	honest()
	if got, text, err := c.do(t.Context(), "POST", "/api/v1/edits?dry-run=true", batch(0, 110_000)); err != nil || got != http.StatusRequestEntityTooLarge && got != http.StatusBadRequest || !strings.Contains(text, "split") {
		t.Errorf("more than are taken at once: %d %.300s, %v", got, text, err)
	}
	// The same ones over and over, each time with something else: the log keeps all.
	full := false
	for i := range 60 {
		body := bytes.ReplaceAll(batch(0, size(5000, 10_000)), []byte(`"gateway"`), []byte(fmt.Sprintf(`"dhcp-dns-server":"192.0.2.%d","gateway"`, i+1)))
		got, text, err := c.do(t.Context(), "POST", "/api/v1/edits?lax=true", body)
		if err != nil {
			t.Fatal(err)
		}
		if full = got == http.StatusConflict && strings.Contains(text, "viaduct discard"); full {
			break
		}
		if got != 200 {
			t.Fatalf("%d: %.300s", got, text)
		}
	}
	if !full {
		t.Error("there is no end to what may be pending")
	}
	s.honest(t)()
	s.startsAgain(t)
	if _, err := s.local.Discard(t.Context(), api.DiscardRequest{}); err != nil {
		t.Errorf("a discard: %v", err)
	}
	c = s.from(t, "127.0.0.3", c.token)
	c.must(t, 200, "PUT", "/api/v1/zones/red", map[string]any{"type": "simple"})
	s.startsAgain(t)
}

// A node's certificate is worth no more than the node: it reports something else all
// the time, as large as it may.
func TestReportsOfANode(t *testing.T) {
	s := run(t, 4096)
	n := s.member(t, "loud")
	honest := s.honest(t)
	refused := 0
	for i := range size(60, 1000) {
		b, err := json.Marshal(map[string]any{"state": "degraded", "time": time.Now(), "message": fmt.Sprint(i) + strings.Repeat("x", 3<<20)})
		if err != nil {
			t.Fatal(err)
		}
		got, text, err := n.do(t.Context(), "POST", "/agent/v1/status", b)
		switch {
		case err != nil:
			t.Fatal(err)
		case got == http.StatusTooManyRequests:
			refused++
		case got != http.StatusNoContent:
			t.Fatalf("%d %.200s", got, text)
		}
	}
	honest()
	if refused == 0 {
		t.Error("everything was listened to")
	}
	s.startsAgain(t)
}

// Whoever is refused all the time pushes nobody's entries out of the audit.
func TestRefusals(t *testing.T) {
	s := run(t, 4096)
	admin := s.from(t, "127.0.0.2", s.user(t, "admin@pve", "/", "Administrator"))
	admin.must(t, 200, "PUT", "/api/v1/zones/first", map[string]any{"type": "simple"})
	nobody := s.from(t, "127.0.0.4", s.user(t, "nobody@pve", "", ""))
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range size(400, 4000) {
				if got, text, err := nobody.do(context.Background(), "PUT", fmt.Sprintf("/api/v1/zones/z%dx%d", w, i), []byte("{}")); err != nil || got != http.StatusForbidden {
					t.Errorf("%d %.200s, %v", got, text, err)
					return
				}
			}
		})
	}
	wg.Wait()
	entries, err := s.local.Audit(t.Context(), client.AuditQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	kept, others := false, 0
	for _, e := range entries {
		kept = kept || e.Author == "admin@pve!tt" && e.Target == "/api/v1/zones/first"
		if strings.HasPrefix(e.Author, "nobody@pve") {
			others++
		}
	}
	if !kept || others > 400 {
		t.Errorf("the entry of a write is kept: %v; %d entries are of refusals", kept, others)
	}
	s.startsAgain(t)
}
