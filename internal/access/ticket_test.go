package access

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestTickets(t *testing.T) {
	k := deriveKeys(make([]byte, keySize))
	text := k.signTicket("bob@pve", "epoch", noon)
	if !strings.HasPrefix(text, "PVE:bob@pve:") || strings.Count(text, ":") != 4 {
		t.Errorf("a ticket looks like %s", text)
	}
	verify := func(text, epoch string, now time.Time) bool {
		parsed, ok := parseTicket(text)
		return ok && k.verifyTicket(parsed, epoch, now)
	}
	for name, c := range map[string]struct {
		text, epoch string
		after       time.Duration
		want        bool
	}{
		"fresh":                  {text, "epoch", 0, true},
		"almost over":            {text, "epoch", TicketLife - time.Second, true},
		"over":                   {text, "epoch", TicketLife, false},
		"of a server ahead":      {text, "epoch", -skew, true},
		"of the future":          {text, "epoch", -skew - time.Second, false},
		"of another password":    {text, "another", 0, false},
		"another user":           {strings.Replace(text, "bob", "eve", 1), "epoch", 0, false},
		"another time":           {strings.Replace(text, stamp(noon), stamp(noon.Add(1e9)), 1), "epoch", 0, false},
		"another time, same one": {strings.Replace(text, stamp(noon), "0"+stamp(noon), 1), "epoch", 0, false},
		"cut":                    {text[:len(text)-4], "epoch", 0, false},
		"longer":                 {text + "AAAA", "epoch", 0, false},
		"without a signature":    {"PVE:bob@pve:" + stamp(noon) + "::", "epoch", 0, false},
		"signed as something else": {"PVE:bob@pve:" + stamp(noon) + "::" +
			base64.StdEncoding.EncodeToString(mac(k.csrf, "PVE:bob@pve:"+stamp(noon), "epoch")), "epoch", 0, false},
	} {
		if got := verify(c.text, c.epoch, noon.Add(c.after)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	other := make([]byte, keySize)
	other[0] = 1
	if p, _ := parseTicket(text); deriveKeys(other).verifyTicket(p, "epoch", noon) {
		t.Error("a ticket of another cluster is good")
	}
	for i := range text {
		for _, c := range []byte{text[i] ^ 1, 'A'} {
			if changed := text[:i] + string(c) + text[i+1:]; changed != text && verify(changed, "epoch", noon) {
				t.Errorf("a ticket with byte %d changed is good: %s", i, changed)
			}
		}
	}
}

func TestCSRF(t *testing.T) {
	k := deriveKeys(make([]byte, keySize))
	token := k.signCSRF("bob@pve", noon)
	for name, got := range map[string]bool{
		"another user": k.verifyCSRF(token, "eve@pve", noon),
		"over":         k.verifyCSRF(token, "bob@pve", noon.Add(TicketLife)),
		"empty":        k.verifyCSRF("", "bob@pve", noon),
		"cut":          k.verifyCSRF(token[:len(token)-4], "bob@pve", noon),
		"another time": k.verifyCSRF(stamp(noon.Add(1e9))+token[8:], "bob@pve", noon),
		"a ticket":     k.verifyCSRF(k.signTicket("bob@pve", "", noon), "bob@pve", noon),
	} {
		if got {
			t.Errorf("%s is good", name)
		}
	}
	if !k.verifyCSRF(token, "bob@pve", noon.Add(time.Hour)) {
		t.Error("a good one is not")
	}
}

func FuzzTicket(f *testing.F) {
	k := deriveKeys(make([]byte, keySize))
	good := k.signTicket("bob@pve", "epoch", noon)
	for _, s := range []string{good, good + "=", "PVE:", "PVE:a@pve:0::", "PVE:a@pve:-1::AAAA", "::::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := parseTicket(s)
		if ok && k.verifyTicket(p, "epoch", noon) && s != good && p.user == "bob@pve" && p.stamp == stamp(noon) {
			t.Errorf("%q passes for %q", s, good)
		}
		if k.verifyCSRF(s, "bob@pve", noon) && !strings.HasPrefix(s, stamp(noon)) {
			t.Errorf("%q passes for a CSRF token", s)
		}
	})
}
