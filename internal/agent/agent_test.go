package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// selfSigned is a certificate and its key, PEM, good for a day.
func selfSigned(t *testing.T) (certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "node1"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func (a *Agent) mustPass(t *testing.T) {
	t.Helper()
	if err := a.pass(t.Context()); err != nil {
		t.Fatalf("pass: %v", err)
	}
}

func (a *Agent) mustTake(t *testing.T, doc *document.Document) {
	t.Helper()
	if err := a.setDocument(&received{Hash: doc.Hash(), Document: doc}); err != nil {
		t.Fatalf("take: %v", err)
	}
}

func driftNames(s *protocol.Status) []string {
	var out []string
	for _, d := range s.Drift {
		out = append(out, string(d.Change.Action)+" "+d.Change.Name)
	}
	return out
}

func TestPassReachesTheDocument(t *testing.T) {
	node := newFakeNode()
	a := testAgent(t, t.TempDir(), node)
	a.mustTake(t, newDocument(1, "vnet1", "vnet2"))
	a.mustPass(t)
	if got := node.names(); !slices.Equal(got, []string{"vnet1", "vnet2"}) {
		t.Errorf("links %v", got)
	}
	a.mustTake(t, newDocument(2, "vnet2"))
	a.mustPass(t)
	if got := node.names(); !slices.Equal(got, []string{"vnet2"}) {
		t.Errorf("links %v", got)
	}
	if s := a.status; s.Revision != 2 || s.State != protocol.Converged || len(s.Drift) != 0 || s.Writes != 3 {
		t.Errorf("status %+v", s)
	}
}

// Plans are made from the facts that the server has: a change of theirs is reported
// at once, though nothing else differs, and an unchanged pass is not.
func TestChangedFactsAreReportedAtOnce(t *testing.T) {
	node := newFakeNode()
	a := testAgent(t, t.TempDir(), node)
	a.mustTake(t, newDocument(1, "vnet1"))
	a.mustPass(t)
	a.mustPass(t)
	reported := a.changed
	a.mustPass(t)
	select {
	case <-reported:
		t.Error("a pass that found nothing new is reported")
	default:
	}
	node.more = []model.Interface{{Name: "lan1", MTU: 1500}}
	a.mustPass(t)
	select {
	case <-reported:
	default:
		t.Error("a new interface is not reported until the next heartbeat")
	}
}

func TestDriftIsRepairedAndReported(t *testing.T) {
	node := newFakeNode()
	a := testAgent(t, t.TempDir(), node)
	a.mustTake(t, newDocument(1, "vnet1"))
	a.mustPass(t)
	node.lose("vnet1")
	a.mustPass(t)
	if got := node.names(); !slices.Equal(got, []string{"vnet1"}) {
		t.Errorf("not repaired: links %v", got)
	}
	if got := driftNames(a.status); !slices.Equal(got, []string{"create vnet1"}) {
		t.Errorf("drift %v", got)
	}
}

// What an earlier process did not finish is work, what somebody changed while
// no agent ran is drift, and what a reboot took away is neither.
func TestDriftAcrossRestarts(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before func(a *Agent, node *fakeNode)
		want   []string
	}{
		{"killed before the pass ended", func(a *Agent, _ *fakeNode) {
			if err := a.disk.saveApplied(applied{}); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"changed while away", func(*Agent, *fakeNode) {}, []string{"create vnet1"}},
		{"rebooted", func(_ *Agent, node *fakeNode) { node.boot = "boot2" }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, node := t.TempDir(), newFakeNode()
			a := testAgent(t, data, node)
			a.mustTake(t, newDocument(1, "vnet1"))
			a.mustPass(t)
			node.lose("vnet1")
			tc.before(a, node)

			b := testAgent(t, data, node)
			b.mustPass(t) // from disk, without a server
			if got := node.names(); !slices.Equal(got, []string{"vnet1"}) {
				t.Errorf("links %v", got)
			}
			if got := driftNames(b.status); !slices.Equal(got, tc.want) {
				t.Errorf("drift %v, want %v", got, tc.want)
			}
		})
	}
}

func TestOneBadObjectDoesNotBlockOthers(t *testing.T) {
	node := newFakeNode()
	a := testAgent(t, t.TempDir(), node)
	node.refuse["vnet/vnet1"] = errors.New("refused")
	a.mustTake(t, newDocument(1, "vnet1", "vnet2"))
	if err := a.pass(t.Context()); err == nil {
		t.Fatal("the pass says that all went well")
	}
	if got := node.names(); !slices.Equal(got, []string{"vnet2"}) {
		t.Errorf("links %v", got)
	}
	s := a.status
	if s.State != protocol.Degraded || len(s.Objects) != 1 || s.Objects[0].Object != "vnet/vnet1" || s.Objects[0].Message != "refused" {
		t.Errorf("status %+v", s)
	}
	// Once it can be made it is work that was left, not drift.
	delete(node.refuse, "vnet/vnet1")
	a.mustPass(t)
	if s := a.status; s.State != protocol.Converged || len(s.Drift) != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestDocumentsThatMustNotBeTaken(t *testing.T) {
	data, node := t.TempDir(), newFakeNode()
	a := testAgent(t, data, node)
	a.mustTake(t, newDocument(1, "vnet1"))
	a.mustPass(t)

	newer := newDocument(2)
	newer.Format = document.Format + 1
	if err := a.accept(&received{Document: newer}); err == nil || !strings.Contains(err.Error(), "upgrade the agent") {
		t.Errorf("newer format: %v", err)
	}
	other := newDocument(2)
	other.Node = "node2"
	if err := a.accept(&received{Document: other}); err == nil {
		t.Error("another node's document was taken")
	}
	// A document that cannot be kept is not applied: the next boot would lose it.
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(data, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.accept(&received{Document: newDocument(2)}); err == nil || !strings.Contains(err.Error(), filepath.Join(data, documentFile)) {
		t.Errorf("unwritable directory: %v", err)
	}
	if a.doc.Revision != 1 {
		t.Errorf("revision %d is in use", a.doc.Revision)
	}
}

func TestDamagedDocumentOnDisk(t *testing.T) {
	data, node := t.TempDir(), newFakeNode()
	a := testAgent(t, data, node)
	a.mustTake(t, newDocument(1, "vnet1"))
	a.mustPass(t)
	if err := os.WriteFile(filepath.Join(data, documentFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := testAgent(t, data, node)
	b.mustPass(t)
	if got := node.names(); !slices.Equal(got, []string{"vnet1"}) {
		t.Errorf("a damaged file changed the node: links %v", got)
	}
	b.mustTake(t, newDocument(2, "vnet2"))
	b.mustPass(t)
	if got := node.names(); !slices.Equal(got, []string{"vnet2"}) {
		t.Errorf("links %v", got)
	}
}

func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode()
		a := testAgent(t, t.TempDir(), node)
		ready := make(chan struct{})
		a.Ready = func() { close(ready) }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { a.loop(ctx, node.events); close(done) }()
		<-ready
		a.mustTake(t, newDocument(1, "vnet1"))
		synctest.Wait()
		if got := node.names(); !slices.Equal(got, []string{"vnet1"}) {
			t.Errorf("a new document did not wake the loop: links %v", got)
		}
		// An event wakes it after the burst has settled.
		node.lose("vnet1")
		time.Sleep(4 * debounce)
		synctest.Wait()
		if got := node.names(); !slices.Equal(got, []string{"vnet1"}) {
			t.Errorf("an event did not wake the loop: links %v", got)
		}
		// Without an event the timer finds it.
		node.mu.Lock()
		delete(node.links, "vnet1")
		node.mu.Unlock()
		time.Sleep(DefaultResync + time.Second)
		synctest.Wait()
		if got := node.names(); !slices.Equal(got, []string{"vnet1"}) {
			t.Errorf("the timer did not wake the loop: links %v", got)
		}
		// A pass that fails is tried again soon, and not too often.
		node.mu.Lock()
		node.factsErr = errors.New("no facts")
		before := node.passes
		node.factsErr = nil
		node.refuse["vnet/vnet2"] = errors.New("refused")
		node.mu.Unlock()
		a.mustTake(t, newDocument(2, "vnet1", "vnet2"))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if n := node.passes - before; n < 4 || n > 8 {
			t.Errorf("%d passes in 20 s of failure", n)
		}
		cancel()
		<-done
	})
}

// Without a server for an hour the node goes on repairing itself, and does not
// wear itself out.
func TestAnHourAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode()
		a := testAgent(t, t.TempDir(), node)
		a.mustTake(t, newDocument(1, "vnet1", "vnet2", "vnet3"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { a.loop(ctx, node.events); close(done) }()
		synctest.Wait()
		want := node.names()
		losses := 0
		for begin := time.Now(); time.Since(begin) < time.Hour; losses++ {
			node.lose(want[losses%len(want)])
			time.Sleep(37 * time.Second)
			synctest.Wait()
			if got := node.names(); !slices.Equal(got, want) {
				t.Fatalf("after %s: links %v, want %v", time.Since(begin), got, want)
			}
		}
		if n := node.passes; n > 4*losses {
			t.Errorf("%d passes for %d losses", n, losses)
		}
		if n := len(a.status.Drift); n != protocol.MaxDrift {
			t.Errorf("%d drift events kept of %d, want the newest %d", n, losses, protocol.MaxDrift)
		}
		cancel()
		<-done
	})
}

// failingFilter stands for an nft that cannot load the rules.
type failingFilter struct{}

func (failingFilter) Name() string { return "filter" }
func (failingFilter) Withhold(want *desired.Space) *desired.Space {
	return (*nft.Driver)(nil).Withhold(want)
}
func (failingFilter) Reconcile(context.Context, *desired.Space, bool) (driver.Result, error) {
	return driver.Result{}, errors.New("nft: out of order")
}

// routingNode is a node with a filter that fails before its other driver.
type routingNode struct {
	*fakeNode
	sysctls []desired.Sysctl
}

func (n *routingNode) Stages() []Stage {
	return []Stage{{Name: "filter", Driver: driver.OnHost{Driver: failingFilter{}}}, {Name: "fake", Driver: driver.OnHost{Driver: n}}}
}

func (n *routingNode) Reconcile(ctx context.Context, want *desired.Space, dryRun bool) (driver.Result, error) {
	n.sysctls = want.Sysctls
	return n.fakeNode.Reconcile(ctx, want, dryRun)
}

// Without the filter that keeps zones apart a node must not begin to route.
func TestNoForwardingWithoutFilter(t *testing.T) {
	node := &routingNode{fakeNode: newFakeNode()}
	a := testAgent(t, t.TempDir(), node.fakeNode)
	a.System = node
	doc := newDocument(1, "vnet1")
	doc.Config.Subnets = map[string]*model.Subnet{"z-10.0.0.0-24": {
		ID: "z-10.0.0.0-24", CIDR: netip.MustParsePrefix("10.0.0.0/24"), VNet: "vnet1", Gateway: netip.MustParseAddr("10.0.0.1"),
	}}
	a.mustTake(t, doc)
	if err := a.pass(t.Context()); err == nil {
		t.Fatal("the pass says that all went well")
	}
	if len(node.sysctls) != 0 {
		t.Errorf("settings %v were asked for", node.sysctls)
	}
	if got := node.names(); !slices.Equal(got, []string{"vnet1"}) {
		t.Errorf("links %v", got)
	}
	if s := a.status; s.State != protocol.Degraded || !strings.Contains(s.Message, "out of order") {
		t.Errorf("status %+v", s)
	}
}
