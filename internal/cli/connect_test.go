package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestTokenOfTheEnvironment(t *testing.T) {
	const token = "root@pam!ci=secret"
	var out bytes.Buffer
	a := &app{Config: Config{Token: token + "\n", Stderr: &out}}
	if got, err := a.token(); err != nil || got != token {
		t.Errorf("%q, %v", got, err)
	}
	a.Token = "secret"
	if _, err := a.token(); err == nil || !strings.HasPrefix(err.Error(), "VIADUCT_TOKEN holds no API token") || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	// The file counts before it, and should not be for all to read.
	a.tokenFile = t.TempDir() + "/token"
	if err := os.WriteFile(a.tokenFile, []byte(token), 0o644); err != nil { // on purpose
		t.Fatal(err)
	}
	if got, err := a.token(); err != nil || got != token || !strings.Contains(out.String(), "chmod 600") {
		t.Errorf("%q, %v, %s", got, err, out.String())
	}
}
