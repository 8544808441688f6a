package pki

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/protocol"
	"github.com/viaduct-sdn/viaduct/internal/store"
)

// PrefixMember precedes the names of members in the store.
const PrefixMember = "member/"

// Errors of joining, to be tested with errors.Is.
var (
	// ErrToken: the token is invalid or has expired.
	ErrToken = errors.New("the token is not valid")
	// ErrNameTaken: a node of that name has joined already.
	ErrNameTaken = errors.New("the node has joined already")
	// ErrRequest: the request is malformed.
	ErrRequest = errors.New("bad request")
	// ErrNotMember: the node is not a member of the cluster (any more).
	ErrNotMember = errors.New("not a member of the cluster")
)

// Member is a node that has joined.
type Member struct {
	Name   string    `json:"name"`
	Joined time.Time `json:"joined"`
	// Serial is the serial number of its certificate, in hexadecimal, and Expires when
	// that ends.
	Serial  string    `json:"serial"`
	Expires time.Time `json:"expires"`
	// Previous is the serial number of the certificate that the last renewal used. It is
	// valid until PreviousEnds: the answer with the new certificate may never have
	// arrived. A zero time, which earlier releases wrote, means until the new one is used.
	Previous     string    `json:"previous,omitempty"`
	PreviousEnds time.Time `json:"previous-ends,omitzero"`
	// Token and Certificate allow a node that never got the answer to its join to repeat
	// it: with the same token and the same key it gets the same answer.
	Token       string `json:"token"`
	Certificate string `json:"certificate"`
}

// ParseMember reads the value of a member's key.
func ParseMember(r store.Record) (*Member, error) {
	m := &Member{}
	if err := json.Unmarshal(r.Value, m); err != nil {
		return nil, fmt.Errorf("stored value %s is damaged: %w", r.Key, err)
	}
	return m, nil
}

// How long a certificate is valid in addition to its renewed one: until the answer has
// certainly arrived, because the new one was used, and then for the longest possible poll
// that began with the old one; if the new one is never used, for a day, in which an agent
// retries many times.
const (
	supersededShown  = time.Minute
	supersededUnseen = 24 * time.Hour
)

// Admits reports whether the certificate is the member's now, and if it ends before the
// member does, when: the zero time if it does not.
func (m *Member) Admits(c *x509.Certificate, now time.Time) (ends time.Time, ok bool) {
	switch s := Serial(c); {
	case c.Subject.CommonName != m.Name:
		return time.Time{}, false
	case s == m.Serial:
		return time.Time{}, true
	case m.Previous == "" || s != m.Previous:
		return time.Time{}, false
	}
	return m.PreviousEnds, m.PreviousEnds.IsZero() || now.Before(m.PreviousEnds)
}

// Supersedes reports whether the certificate is a renewed one in its first use, so that
// Shown has to be called.
func (m *Member) Supersedes(c *x509.Certificate, now time.Time) bool {
	return m.Previous != "" && Serial(c) == m.Serial && (m.PreviousEnds.IsZero() || m.PreviousEnds.After(now.Add(supersededShown)))
}

// RecordUse notes in the store that a member has used its renewed certificate: the previous
// one ends soon, at every server.
func RecordUse(ctx context.Context, st store.Store, c *x509.Certificate, now time.Time) error {
	r, err := st.Get(ctx, PrefixMember+c.Subject.CommonName)
	if err != nil {
		return err
	}
	m, err := ParseMember(r)
	if err != nil || !m.Supersedes(c, now) {
		return err
	}
	m.PreviousEnds = now.Add(supersededShown).UTC()
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = st.Txn(ctx, []store.Cond{{Key: r.Key, Revision: r.Revision}}, []store.Op{store.Put(r.Key, value)})
	return err
}

// nodeName is a DNS label (RFC 1123).
var nodeName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func checkName(name string) error {
	if !nodeName.MatchString(name) {
		return fmt.Errorf("%w: node name %q: must be letters, digits and hyphens, at most 63, as a host name", ErrRequest, name)
	}
	return nil
}

// Join admits a node: it consumes the token and makes the member in one transaction, so a
// token admits one node only, regardless of concurrent requests.
func (a *Authority) Join(ctx context.Context, req protocol.JoinRequest) (*protocol.JoinResponse, error) {
	if err := checkName(req.Node); err != nil {
		return nil, err
	}
	csr, err := parseCSR(req.CSR)
	if err != nil {
		return nil, err
	}
	id, secret, _, err := splitToken(req.Token)
	if err != nil {
		return nil, err
	}
	token, err := a.token(ctx, id, secret, req.Node)
	if errors.Is(err, ErrToken) {
		if resp := a.repeatAnswer(ctx, req.Node, secret, csr); resp != nil {
			return resp, nil
		}
	}
	if err != nil {
		return nil, err
	}
	m, err := a.newMember(req.Node, secret, csr)
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	key := PrefixMember + m.Name
	conds := []store.Cond{{Key: token.Key, Revision: token.Revision}, {Key: key}}
	_, err = a.store.Txn(ctx, conds, []store.Op{store.Delete(token.Key), store.Put(key, value)})
	if errors.Is(err, store.ErrConflict) {
		return nil, a.failedCondition(ctx, key, m.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("admitting node %s: %w", m.Name, err)
	}
	return &protocol.JoinResponse{Certificate: m.Certificate, CA: a.certPEM}, nil
}

func (a *Authority) newMember(name, secret string, csr *x509.CertificateRequest) (*Member, error) {
	cert, err := a.issue(UnitNode, name, csr.PublicKey, nil, nil)
	if err != nil {
		return nil, err
	}
	return &Member{
		Name: name, Joined: a.now().UTC(), Serial: Serial(cert), Expires: cert.NotAfter.UTC(),
		Token: hash(secret), Certificate: encodeCert(cert.Raw),
	}, nil
}

// failedCondition returns which condition of a join did not hold.
func (a *Authority) failedCondition(ctx context.Context, key, name string) error {
	if _, err := a.store.Get(ctx, key); errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: it was used meanwhile; make a new one with: viaduct node token %s", ErrToken, name)
	}
	return fmt.Errorf("%w: a node called %s is a member of the cluster. If this is the same host set up anew, remove the old one first "+
		"(viaduct node remove %s) and join again; otherwise choose another name. The token is still good", ErrNameTaken, name, name)
}

// repeatAnswer returns the answer to a join that was carried out but perhaps never
// arrived, or nil.
func (a *Authority) repeatAnswer(ctx context.Context, name, secret string, csr *x509.CertificateRequest) *protocol.JoinResponse {
	r, err := a.store.Get(ctx, PrefixMember+name)
	if err != nil {
		return nil
	}
	m, err := ParseMember(r)
	if err != nil || !equal(m.Token, hash(secret)) {
		return nil
	}
	cert, err := parseCert(m.Certificate)
	if err != nil || !samePublicKey(cert.PublicKey, csr.PublicKey) {
		return nil
	}
	return &protocol.JoinResponse{Certificate: m.Certificate, CA: a.certPEM}
}

// Renew gives a member a fresh certificate for the one that it uses.
func (a *Authority) Renew(ctx context.Context, shown *x509.Certificate, req protocol.RenewRequest) (*protocol.JoinResponse, error) {
	csr, err := parseCSR(req.CSR)
	if err != nil {
		return nil, err
	}
	name := shown.Subject.CommonName
	r, err := a.store.Get(ctx, PrefixMember+name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, NotMember(name)
	}
	if err != nil {
		return nil, fmt.Errorf("renewing the certificate of node %s: %w", name, err)
	}
	m, err := ParseMember(r)
	if err != nil {
		return nil, err
	}
	// Once the answer has certainly arrived, the old one gets no other.
	if ends, ok := m.Admits(shown, a.now()); !ok || !ends.IsZero() && !ends.After(a.now().Add(supersededShown)) {
		return nil, NotMember(name)
	}
	cert, err := a.issue(UnitNode, name, csr.PublicKey, nil, nil)
	if err != nil {
		return nil, err
	}
	m.Previous, m.PreviousEnds = Serial(shown), a.now().Add(supersededUnseen).UTC()
	m.Serial, m.Expires = Serial(cert), cert.NotAfter.UTC()
	m.Token, m.Certificate = "", "" // the join is long past
	value, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if _, err := a.store.Txn(ctx, []store.Cond{{Key: r.Key, Revision: r.Revision}}, []store.Op{store.Put(r.Key, value)}); err != nil {
		return nil, fmt.Errorf("renewing the certificate of node %s: %w", name, err)
	}
	return &protocol.JoinResponse{Certificate: encodeCert(cert.Raw), CA: a.certPEM}, nil
}

// NotMember is the error of a node with an invalid certificate.
func NotMember(name string) error {
	return fmt.Errorf("node %s is %w: it was removed, or has joined anew or renewed its certificate and shows an older one. "+
		"To admit it again make a token (viaduct node token %s) and join with it", name, ErrNotMember, name)
}

// Members returns the nodes that have joined, sorted by name.
func (a *Authority) Members(ctx context.Context) ([]*Member, error) {
	records, _, err := a.store.List(ctx, PrefixMember, "")
	if err != nil {
		return nil, fmt.Errorf("listing the members: %w", err)
	}
	out := make([]*Member, len(records))
	for i, r := range records {
		if out[i], err = ParseMember(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// DeleteMember removes a node, and in the same transaction what ops remove: its
// certificate is not valid any more. ErrNotMember if there is none.
func (a *Authority) DeleteMember(ctx context.Context, name string, ops ...store.Op) error {
	return store.Retry(ctx, func() error {
		r, err := a.store.Get(ctx, PrefixMember+name)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("node %s is %w; see which nodes are with: viaduct node list", name, ErrNotMember)
		}
		if err != nil {
			return err
		}
		_, err = a.store.Txn(ctx, []store.Cond{{Key: r.Key, Revision: r.Revision}}, append([]store.Op{store.Delete(r.Key)}, ops...))
		if err != nil {
			return fmt.Errorf("removing node %s: %w", name, err)
		}
		return nil
	})
}

// parseCSR parses a certificate request; its signature proves that the sender has the key.
// Nothing else in it is used.
func parseCSR(s string) (*x509.CertificateRequest, error) {
	block, _ := pem.Decode([]byte(s))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, fmt.Errorf("%w: csr is not a PEM certificate request", ErrRequest)
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: csr: %w", ErrRequest, err)
	}
	switch csr.PublicKey.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return csr, nil
	}
	return nil, fmt.Errorf("%w: csr: the key must be ECDSA or Ed25519", ErrRequest)
}

func samePublicKey(a, b any) bool {
	x, errA := x509.MarshalPKIXPublicKey(a)
	y, errB := x509.MarshalPKIXPublicKey(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// equal compares hashes in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// splitToken splits a token into id, secret and fingerprint.
func splitToken(s string) (id, secret, print string, err error) {
	parts := strings.Split(strings.TrimSpace(s), ".")
	if len(parts) != 3 || !tokenID.MatchString(parts[0]) || parts[1] == "" || len(parts[2]) != 2*sha256.Size {
		return "", "", "", fmt.Errorf("%w: it is not of the form <id>.<secret>.<fingerprint>; copy all of what viaduct node token printed", ErrToken)
	}
	return parts[0], parts[1], parts[2], nil
}
