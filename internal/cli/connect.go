package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/viaduct-sdn/viaduct/internal/lab"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// Where a server on this host listens; the first that exists is used.
const (
	serverSocket = "/var/lib/viaduct/server/api.sock"
	labSocket    = "/run/viaduct/lab/default/server/api.sock"
)

// labVariable names the lab that commands use without a flag.
const labVariable = "VIADUCT_LAB"

// requestedServer is the server that flags or the environment name; empty if neither
// does. A lab in the environment takes precedence over a server of this host, since
// users who try something in a lab must not reach the real network.
func (a *app) requestedServer() (string, error) {
	if asked := cmp.Or(a.server, a.Getenv("VIADUCT_SERVER")); asked != "" || a.Getenv(labVariable) == "" {
		return asked, nil
	}
	l, err := lab.New(lab.DefaultRoot, a.Getenv(labVariable), "")
	if err != nil {
		return "", fmt.Errorf("%s: %w", labVariable, err)
	}
	if !socketExists(l.SocketPath()) {
		return "", fmt.Errorf("the lab %s of %s does not run: start it (viaduct lab up), or unset the variable", l.Name, labVariable)
	}
	return l.Target(), nil
}

// client returns the client of the chosen server. Notices of servers are shown once,
// apart from the output.
func (a *app) client() (*client.Client, error) {
	return a.connect(client.WithNotice(a.remark))
}

// remark shows a notice, unless it was shown before. Commands that read every kind of
// object show one notice for all.
func (a *app) remark(text string) {
	a.remarks.Lock()
	defer a.remarks.Unlock()
	if a.allKinds {
		text = "some objects may be hidden: only those that you have permission for are shown (viaduct get KIND names the permission)"
	}
	if a.noticed == nil {
		a.noticed = make(map[string]bool)
	}
	if !a.noticed[text] {
		a.noticed[text] = true
		fmt.Fprintln(a.Stderr, "note: "+text) //nolint:errcheck // separate from the output
	}
}

// target is the address of the chosen server, or servers.
func (a *app) target() (string, error) {
	asked, err := a.requestedServer()
	if err != nil {
		return "", err
	}
	return chooseServer(asked, socketExists)
}

// connect returns the client of the chosen server.
func (a *app) connect(opts ...client.Option) (*client.Client, error) {
	target, err := a.target()
	if err != nil {
		return nil, err
	}
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	cert, key := cmp.Or(a.cert, a.Getenv("VIADUCT_CERT")), cmp.Or(a.key, a.Getenv("VIADUCT_KEY"))
	if path := a.serversFile(); path != "" {
		key := target
		all := readServers(path)
		opts = append(opts, client.WithMemory(all[key], func(known client.Servers) { rememberServers(path, key, known) }))
	}
	opts = append(opts, client.WithTLS(cert, key, cmp.Or(a.ca, a.Getenv("VIADUCT_CA"))), client.WithToken(token))
	return client.New(target, opts...)
}

// maxToken bounds a token file, in bytes.
const maxToken = 1024

// token is the API token to send, if any. There is no flag for it: everybody on the host
// can read command lines.
func (a *app) token() (string, error) {
	token, from := a.Token, "VIADUCT_TOKEN"
	if a.tokenFile != "" {
		from = a.tokenFile
		f, err := os.Open(a.tokenFile)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		defer f.Close()
		if fi, err := f.Stat(); err == nil && fi.Mode().Perm()&0o004 != 0 {
			fmt.Fprintf(a.Stderr, "warning: everybody on this host can read the token in %s; run: chmod 600 %s\n", a.tokenFile, a.tokenFile)
		}
		b, err := io.ReadAll(io.LimitReader(f, maxToken+1))
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		token = string(b)
		if strings.TrimSpace(token) == "" {
			return "", fmt.Errorf("--token-file: %s is empty; it must hold one line, USER!NAME=SECRET, as viaduct token create prints it", a.tokenFile)
		}
	}
	token = strings.TrimSpace(token)
	user, secret, _ := strings.Cut(token, "!")
	if token != "" && (len(token) > maxToken || user == "" || !strings.Contains(secret, "=") || strings.ContainsFunc(token, unicode.IsControl)) {
		return "", fmt.Errorf("%s holds no API token: it must be one line, USER!NAME=SECRET, as viaduct token create prints it", from)
	}
	return token, nil
}

// chooseServer returns the requested addresses, with commas, or that of a server on this
// host.
func chooseServer(asked string, exists func(string) bool) (string, error) {
	if asked != "" {
		var out []string
		for _, one := range client.Targets(asked) {
			if one == "" {
				continue
			}
			if rest, isSocket := strings.CutPrefix(one, "unix:"); !strings.Contains(one, "://") || isSocket {
				// A path, or one after the scheme, which may be relative like any other.
				path, err := filepath.Abs(strings.TrimPrefix(rest, "//"))
				if err != nil {
					return "", err
				}
				one = "unix://" + path
			}
			out = append(out, one)
		}
		if len(out) > 0 {
			return strings.Join(out, ","), nil
		}
	}
	for _, path := range []string{serverSocket, labSocket} {
		if exists(path) {
			return "unix://" + path, nil
		}
	}
	return "", fmt.Errorf("no server on this host: neither %s nor a lab's %s exists; "+
		"start one (viaduct server, viaduct up or viaduct lab up), or name one with --server or VIADUCT_SERVER", serverSocket, labSocket)
}

// socketExists is also true for a socket that this user may not read: the attempt to
// connect then reports that.
func socketExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil || errors.Is(err, fs.ErrPermission)
}

// explain shows the problems in a server's refusal with their positions: file and line
// for objects of the manifests. set may be nil.
func explain(err error, set *manifest.Set) error {
	var e *api.Error
	if !errors.As(err, &e) || len(e.Problems) == 0 {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "refused with %s; nothing was changed", count(len(e.Problems), "fault"))
	for i, p := range e.Problems {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n... and %d more", len(e.Problems)-maxProblems)
			break
		}
		b.WriteString("\n" + formatProblem(p, set))
	}
	return &exitError{exitCode(err), errors.New(b.String())}
}

// maxProblems bounds how many problems are shown.
const maxProblems = 50

func formatProblem(p api.Problem, set *manifest.Set) string {
	if set != nil {
		return set.Format(p)
	}
	return string(p.Severity) + ": " + p.String()
}

// parseKind reads a kind given on the command line.
func parseKind(s string) (model.Kind, error) {
	if k, ok := model.ParseKind(strings.ToLower(s)); ok {
		return k, nil
	}
	var names []string
	for _, k := range model.Kinds() {
		names = append(names, string(k))
	}
	if near := model.Nearest(s, names); near != "" {
		return "", &exitError{ExitUsage, fmt.Errorf("unknown kind %q; did you mean %s?", s, near)}
	}
	return "", &exitError{ExitUsage, fmt.Errorf("unknown kind %q; it is one of %s", s, strings.Join(names, ", "))}
}

// resolveID completes the ID of a subnet that was given by its network, and of a guest
// that was given by its name.
func resolveID(ctx context.Context, c *client.Client, k model.Kind, id string) (string, error) {
	if k == model.KindGuest {
		return guestID(ctx, c, id)
	}
	if k != model.KindSubnet || !strings.Contains(id, "/") {
		return id, nil
	}
	var found []string
	for _, view := range []string{"pending", "running"} {
		objs, err := c.List(ctx, k, view)
		if err != nil {
			return "", err
		}
		for _, o := range objs {
			if s, ok := o.(*model.Subnet); ok && s.CIDR.String() == id {
				found = append(found, s.ID)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("there is no subnet %s; viaduct get subnets lists them", id)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("subnet %s exists in several zones; name one of %s", id, strings.Join(found, ", "))
}

// guestID finds a guest by its name; numbers are used unchanged.
func guestID(ctx context.Context, c *client.Client, given string) (string, error) {
	if given == "" || strings.Trim(given, "0123456789") == "" {
		return given, nil
	}
	objs, err := c.List(ctx, model.KindGuest, "pending")
	if err != nil {
		return "", err
	}
	var found []string
	for _, o := range objs {
		if g, ok := o.(*model.Guest); ok && strings.EqualFold(g.Name, given) {
			found = append(found, g.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("there is no guest with the number or name %q; viaduct get guests lists them", given)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several guests have the name %s; give the number of one: %s", given, strings.Join(found, ", "))
}
