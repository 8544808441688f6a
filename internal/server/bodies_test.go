package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// beforeBody sends no more of a request than its header, which promises a body of a
// size, and returns the status of the answer.
func (c *cluster) beforeBody(t *testing.T, method, path string, size int, headers ...string) int {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(c.url, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n\r\n", method, path, size, strings.Join(headers, "\r\n"))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Errorf("%s %s: no answer before the body: %v", method, path, err)
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Nobody's body is read, let alone decoded, who may not do anything of the kind: what
// anybody may send is small, and refused by its length.
func TestRefusedBeforeTheBody(t *testing.T) {
	c := newCluster(t)
	anybody := map[string]bool{"login": true, "setPassword": true, "createToken": true, "putToken": true}
	tried := 0
	for _, op := range c.operations(t) {
		if op.body == "" {
			continue
		}
		tried++
		want := http.StatusForbidden
		if anybody[op.ID] {
			want = http.StatusRequestEntityTooLarge
		}
		got := c.beforeBody(t, op.method, op.path, 1<<20, "Authorization: PVEAPIToken="+c.tokens[nobody])
		if got != want && (want == http.StatusForbidden || got != http.StatusForbidden) {
			t.Errorf("%s (%s %s): %d, want %d", op.ID, op.method, op.path, got, want)
		}
		if got := c.beforeBody(t, op.method, op.path, 1<<20); got != http.StatusUnauthorized && !anybody[op.ID] {
			t.Errorf("%s (%s %s) without credentials: %d", op.ID, op.method, op.path, got)
		}
	}
	if tried < 40 {
		t.Errorf("only %d operations with a body were found", tried)
	}
	if got := c.beforeBody(t, "PUT", "/api2/json/cluster/sdn", 2<<20, "Authorization: PVEAPIToken="+c.tokens[nobody]); got != http.StatusRequestEntityTooLarge {
		t.Errorf("the Proxmox API: %d", got)
	}
	for _, path := range []string{"/agent/v1/status", "/agent/v1/renew", "/agent/v1/answers/1"} {
		if got := c.beforeBody(t, "POST", path, 1<<20); got != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, got)
		}
	}
}
