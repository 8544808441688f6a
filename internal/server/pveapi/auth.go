package pveapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
)

// How clients authenticate.
const (
	cookieName  = "PVEAuthCookie"
	csrfHeader  = "CSRFPreventionToken"
	tokenScheme = "PVEAPIToken"
)

// maxCredential limits the length of a ticket or a token, in bytes.
const maxCredential = 4 << 10

// authenticate returns the identity of the caller: root@pam for a request through the
// socket of administrators, otherwise that of the API token or ticket. Every write with
// a ticket must carry the CSRF token, which only a page of Viaduct can know, because a
// browser sends a ticket in a cookie no matter which page caused the request. A ticket
// in the header Authorization needs the CSRF token too, as in Proxmox.
func (s *server) authenticate(r *http.Request) (access.Identity, error) {
	if s.local(r) {
		return access.Identity{User: access.RootUser}, nil
	}
	header := r.Header.Get("Authorization")
	if credential, ok := cutScheme(header, tokenScheme); ok {
		id, secret, ok := splitToken(credential)
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

// local reports whether a request came through the socket of administrators.
func (s *server) local(r *http.Request) bool { return s.Local != nil && s.Local(r) }

// cutScheme cuts the scheme off a header Authorization: Proxmox accepts an equals sign
// or a blank after it (PVE::APIServer::Formatter, extract_auth_value).
func cutScheme(header, scheme string) (credential string, ok bool) {
	rest, ok := strings.CutPrefix(header, scheme)
	if !ok || rest == "" || rest[0] != '=' && rest[0] != ' ' {
		return "", false
	}
	return rest[1:], true
}

// splitToken parses "user@realm!name=secret".
func splitToken(text string) (id, secret string, ok bool) {
	mark := strings.IndexByte(text, '!')
	if mark < 0 || len(text) > maxCredential {
		return "", "", false
	}
	name, secret, ok := strings.Cut(text[mark:], "=") // the user's name may contain one
	return text[:mark] + name, secret, ok
}

// ticketOf returns the ticket of a request: that in the cookie or, without one, that in
// the header Authorization. Clients send it unchanged, or percent-encoded as a browser
// does.
func ticketOf(r *http.Request) (string, bool) {
	var text string
	if cookie, err := r.Cookie(cookieName); err == nil && cookie.Value != "" {
		text = cookie.Value
	} else if text, _ = cutScheme(r.Header.Get("Authorization"), cookieName); text == "" {
		return "", false
	}
	if len(text) > maxCredential {
		return "", false
	}
	text, err := url.PathUnescape(text)
	return text, err == nil
}

func unauthorized(text string) error { return &Failure{http.StatusUnauthorized, text} }

// refused returns the answer to invalid credentials; it returns other errors unchanged.
func refused(err error, text string) error {
	if errors.Is(err, access.ErrAuthentication) {
		return unauthorized(text)
	}
	return err
}
