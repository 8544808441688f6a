package pveapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
)

// How clients show who they are.
const (
	cookieName  = "PVEAuthCookie"
	csrfHeader  = "CSRFPreventionToken"
	tokenScheme = "PVEAPIToken="
)

// maxCredential bounds what is taken for a ticket or a token, in bytes.
const maxCredential = 4 << 10

// authenticate finds out who makes a request: whoever came through the socket of
// administrators is root@pam, others show an API token or a ticket. A ticket comes
// in a cookie, which a browser sends whoever made it ask; so writes have to carry
// the token that only a page of ours can know.
func (s *server) authenticate(r *http.Request) (access.Identity, error) {
	if s.Local != nil && s.Local(r) {
		return access.Identity{User: access.RootUser}, nil
	}
	if header := r.Header.Get("Authorization"); header != "" {
		id, secret, ok := splitToken(header)
		if !ok {
			return access.Identity{}, unauthorized("no ticket")
		}
		who, err := s.Access.VerifyToken(id, secret)
		return who, refused(err, "invalid token value!")
	}
	ticket, ok := ticketOf(r)
	if !ok {
		return access.Identity{}, unauthorized("No ticket")
	}
	who, err := s.Access.VerifyTicket(ticket)
	if err != nil {
		return access.Identity{}, refused(err, "permission denied - invalid PVE ticket")
	}
	if r.Method == http.MethodGet {
		return who, nil
	}
	return who, refused(s.Access.VerifyCSRF(who, r.Header.Get(csrfHeader)), "Permission denied - invalid csrf token")
}

// splitToken reads "PVEAPIToken=user@realm!name=secret".
func splitToken(header string) (id, secret string, ok bool) {
	text, ok := strings.CutPrefix(header, tokenScheme)
	if !ok || len(text) > maxCredential {
		return "", "", false
	}
	mark := strings.IndexByte(text, '!')
	if mark < 0 {
		return "", "", false
	}
	name, secret, ok := strings.Cut(text[mark:], "=") // the user's name may hold one
	return text[:mark] + name, secret, ok
}

// ticketOf returns the ticket of a request. Clients send it as they got it, or with
// escapes as a browser does.
func ticketOf(r *http.Request) (string, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil || cookie.Value == "" || len(cookie.Value) > maxCredential {
		return "", false
	}
	text, err := url.PathUnescape(cookie.Value)
	return text, err == nil
}

func unauthorized(text string) error { return &Failure{http.StatusUnauthorized, text} }

// refused is the answer to credentials that are not good; other errors pass.
func refused(err error, text string) error {
	if errors.Is(err, access.ErrAuthentication) {
		return unauthorized(text)
	}
	return err
}
