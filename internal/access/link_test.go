package access

import (
	"log/slog"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/store/mem"
)

// A login link admits its user once, until it expires, is replaced, or the password is set.
func TestLoginLinks(t *testing.T) {
	const from = "192.0.2.1:1"
	make := func(t *testing.T, s *Service, life time.Duration) string {
		t.Helper()
		secret, _, err := s.CreateLoginLink(t.Context(), "bob@pve", life)
		must(t, err)
		return secret
	}
	for name, spoil := range map[string]func(t *testing.T, s *Service, clock *clock, secret string){
		"used": func(t *testing.T, s *Service, _ *clock, secret string) {
			_, err := s.LoginByLink(t.Context(), "bob@pve", secret, from)
			must(t, err)
		},
		"expired":  func(_ *testing.T, _ *Service, clock *clock, _ string) { clock.pass(time.Hour) },
		"replaced": func(t *testing.T, s *Service, _ *clock, _ string) { make(t, s, time.Hour) },
		"password": func(t *testing.T, s *Service, _ *clock, _ string) {
			must(t, s.SetPassword(t.Context(), "bob@pve", "a new password"))
		},
		"disabled": func(t *testing.T, s *Service, _ *clock, _ string) {
			u, err := s.User("bob@pve")
			must(t, err)
			u.Enable = false
			must(t, s.PutUser(t.Context(), u))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock := open(t, mem.New(), slog.New(slog.DiscardHandler))
			must(t, s.PutUser(t.Context(), User{ID: "bob@pve", Enable: true}), s.PutUser(t.Context(), User{ID: "ana@pve", Enable: true}))
			secret := make(t, s, time.Hour)
			for _, wrong := range []struct{ user, secret string }{{"ana@pve", secret}, {"bob@pve", secret + "x"}, {"bob@pve", ""}, {"nobody@pve", secret}} {
				_, err := s.LoginByLink(t.Context(), wrong.user, wrong.secret, from)
				is(t, wrong.user, err, ErrAuthentication, "authentication failure")
			}
			clock.pass(59 * time.Minute)
			spoil(t, s, clock, secret)
			_, err := s.LoginByLink(t.Context(), "bob@pve", secret, from)
			is(t, name, err, ErrAuthentication, "authentication failure")
		})
	}
	s, _ := open(t, mem.New(), slog.New(slog.DiscardHandler))
	_, _, err := s.CreateLoginLink(t.Context(), "bob@pve", time.Hour)
	is(t, "no such user", err, ErrNotFound, "bob@pve")
	_, _, err = s.CreateLoginLink(t.Context(), RootUser, 25*time.Hour)
	is(t, "too long", err, ErrInvalid, "24 hours")
}
