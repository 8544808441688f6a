package server_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/external/rest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/server"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// victim is a service on the host that trusts whoever reaches it. It counts who does.
func victim(t *testing.T) (address string, reached *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	reached = new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			_ = c.Close()
		}
	}()
	return l.Addr().String(), reached
}

// Whoever may configure address management and name servers, and no more, makes the server
// connect to nothing on its own host, nor to link-local addresses, by neither interface;
// administrators of the host may name it, and networks that are allowed anybody.
func TestServerSideRequests(t *testing.T) {
	address, reached := victim(t)
	_, port, _ := net.SplitHostPort(address)
	r := start(t, mem.New(), t.TempDir())
	c := &cluster{running: r, http: insecure(), tokens: map[string]string{}}
	c.user(t, "ipam@pve", "/sdn PVESDNAdmin")
	tenant := []string{"Authorization", "PVEAPIToken=" + c.tokens["ipam@pve"]}
	own := []string{"127.0.0.1", "[::1]", "localhost", "[::ffff:127.0.0.1]"}
	elsewhere := []string{"169.254.169.254", "[fe80::1]", "0.0.0.0", "[::]", "224.0.0.1"}
	for _, host := range append(own, elsewhere...) {
		target := "http://" + host + ":" + port + "/api"
		for how, a := range map[string]answer{
			"ipam, native": c.request(t, http.MethodPut, "/api/v1/ipams/nb1", fmt.Sprintf(`{"type":"netbox","url":%q,"token":"t"}`, target), tenant...),
			"dns, native":  c.request(t, http.MethodPut, "/api/v1/dns/pd1", fmt.Sprintf(`{"type":"powerdns","url":%q,"key":"k"}`, target), tenant...),
			"dry run":      c.request(t, http.MethodPost, "/api/v1/edits?dry-run=true", fmt.Sprintf(`[{"kind":"ipam","object":{"id":"nb1","type":"netbox","url":%q,"token":"t"}}]`, target), tenant...),
			"ipam":         c.request(t, http.MethodPost, "/api2/json/cluster/sdn/ipams?"+url.Values{"ipam": {"nb1"}, "type": {"netbox"}, "url": {target}, "token": {"t"}}.Encode(), "", tenant...),
			"dns":          c.request(t, http.MethodPost, "/api2/json/cluster/sdn/dns?"+url.Values{"dns": {"pd1"}, "type": {"powerdns"}, "url": {target}, "key": {"k"}}.Encode(), "", tenant...),
		} {
			if a.status < 400 || !strings.Contains(a.body, "--allow-external") {
				t.Errorf("%s at %s: %d %s", how, target, a.status, a.body)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the server connected %d times", n)
	}
	// What is link-local is refused to administrators too, who may name the host.
	for _, host := range elsewhere {
		err := second(r.local.Edit(t.Context(), []api.Edit{{Put: netbox("http://" + host + "/api")}}, false))
		if !status(err, http.StatusUnprocessableEntity) || !strings.Contains(err.Error(), "--allow-external") {
			t.Errorf("an administrator at %s: %v", host, err)
		}
	}
	if _, err := r.local.Edit(t.Context(), []api.Edit{{Put: netbox("http://" + address + "/api")}}, false); err != nil {
		t.Errorf("an administrator on the host: %v", err)
	}
	if reached.Load() == 0 {
		t.Error("the administrator's system was not asked")
	}
	// The tenant may change what else there is of it, but not where it is.
	if a := c.request(t, http.MethodPatch, "/api/v1/ipams/nb1", `{"set":{"token":"u"}}`, tenant...); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := c.request(t, http.MethodPatch, "/api/v1/ipams/nb1", `{"set":{"url":"http://127.0.0.1:2379/"}}`, tenant...); a.status != http.StatusForbidden {
		t.Errorf("%d %s", a.status, a.body)
	}
	open := start(t, mem.New(), t.TempDir(), func(c *server.Config) {
		c.External = rest.Options{Allowed: rest.Networks{netip.MustParsePrefix("127.0.0.0/8")}}
	})
	c = &cluster{running: open, http: c.http, tokens: map[string]string{}}
	c.user(t, "ipam@pve", "/sdn PVESDNAdmin")
	if _, err := c.as(t, "ipam@pve").Put(t.Context(), netbox("http://"+address+"/api"), client.IfAbsent); err != nil {
		t.Errorf("where it is allowed: %v", err)
	}
}

func netbox(url string) *model.IPAM {
	return &model.IPAM{ID: "nb1", Type: model.IPAMTypeNetBox, URL: url, Token: "t"}
}

// insecure is a client of whichever server answers.
func insecure() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: patience}
}
