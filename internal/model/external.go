package model

import (
	"net/url"
	"regexp"
)

// fingerprintForm is a SHA-256 fingerprint.
var fingerprintForm = regexp.MustCompile(`^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$`)

func pluginID(r report, id string) {
	if !idForm.MatchString(id) {
		r.error("id", id, msgExternalIDInvalid)
	}
}

// remote checks the URL and certificate fingerprint of an external system.
func remote(r report, address, fingerprint, example string) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		r.error("url", "", msgExternalURLMissing, example)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		r.error("url", address, msgExternalURLInvalid, example)
	case u.User != nil:
		r.error("url", u.Redacted(), msgExternalURLHasPassword)
	}
	if fingerprint != "" && !fingerprintForm.MatchString(fingerprint) {
		r.error("fingerprint", fingerprint, msgFingerprintInvalid)
	}
}
