package model

import (
	"net/url"
	"regexp"
)

// fingerprintForm is a SHA-256 fingerprint.
var fingerprintForm = regexp.MustCompile(`^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$`)

func pluginID(r report, id string) {
	if !idForm.MatchString(id) {
		r.errorf("id", id, "must be 2 or more letters and digits, and begin with a letter")
	}
}

// remote checks the URL and certificate fingerprint of an external system.
func remote(r report, address, fingerprint, example string) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		r.errorf("url", "", "is missing: where the API is, like %s", example)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		r.errorf("url", address, "is no http or https URL; write it like %s", example)
	case u.User != nil:
		r.errorf("url", u.Redacted(), "has a password in it, which would be shown; use the token or key")
	}
	if fingerprint != "" && !fingerprintForm.MatchString(fingerprint) {
		r.errorf("fingerprint", fingerprint, "is not a SHA-256 fingerprint: 32 pairs of hexadecimal digits with colons between")
	}
}
