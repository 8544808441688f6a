package cli

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// maxRemembered bounds the number of clusters with remembered servers.
const maxRemembered = 100

// serversFile remembers servers for each value of --server: the one that answered
// last, and those that servers announced. It is empty if the environment does not define
// a state directory.
func (a *app) serversFile() string {
	dir := a.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home := a.Getenv("HOME")
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "viaduct", "servers.json")
}

// readServers reads the file; what cannot be read is ignored.
func readServers(path string) map[string]client.Servers {
	out := make(map[string]client.Servers)
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &out) != nil || len(out) > maxRemembered {
		return make(map[string]client.Servers)
	}
	return out
}

// rememberServers writes the known servers of one cluster. It is only an aid: what
// cannot be written is learned again.
func rememberServers(path, target string, known client.Servers) {
	all := readServers(path)
	all[target] = known
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	_ = renameio.WriteFile(path, append(b, '\n'), 0o600)
}
