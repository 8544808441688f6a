package ifupdown2

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
)

// The time limits of a run of ifupdown2, which needs milliseconds for each link.
const (
	runTimeout = 10 * time.Minute
	lockPoll   = 200 * time.Millisecond
)

// alreadyRunning is the exit code of ifupdown2's programs when another instance
// holds their lock.
const alreadyRunning = 89

// maxTries bounds how often a file is tried, each time without the stanzas that
// failed before.
const maxTries = 3

// load has ifupdown2 load the file. Stanzas that it fails on are left out; if it
// fails for another reason, the previous file is restored.
func (p *pass) load(ctx context.Context) error {
	if p.wanted() {
		if err := p.d.ready(); err != nil {
			return err
		}
	}
	for range maxTries {
		checked, err := p.check(ctx)
		if err != nil {
			return err
		}
		if checked {
			good, err := p.try(ctx)
			if err != nil {
				return errors.Join(err, p.restore(ctx))
			}
			if good {
				p.loaded = true
				return nil
			}
		}
		p.plan()
	}
	return errors.Join(fmt.Errorf("ifupdown2 failed on one version of %s after another; the previous one was brought back", ownPath), p.restore(ctx))
}

// try writes the file and has ifupdown2 load it.
func (p *pass) try(ctx context.Context) (good bool, err error) {
	if len(p.replaced) > 0 {
		// ifupdown2 cannot change a device's identity. The reload reports links
		// that this fails to remove.
		if _, err := p.d.run(ctx, "ifdown", p.replaced...); err != nil {
			return false, err
		}
	}
	text := ""
	if p.wanted() {
		text = renderFile(p.want)
	}
	if err := p.d.writeFile(text); err != nil {
		return false, err
	}
	return p.reload(ctx)
}

// restore restores the previous file.
func (p *pass) restore(ctx context.Context) error {
	if err := p.d.writeFile(p.have.text); err != nil {
		return err
	}
	_, err := p.d.run(ctx, "ifreload", "-a") // returns at once if ctx has ended: the next pass continues from here
	return err
}

// ready returns an error if ifupdown2 cannot be used on this node.
func (d *Driver) ready() error {
	if _, err := exec.LookPath("ifreload"); err != nil {
		return msgIfupdown2Missing.Failure()
	}
	return d.sourced()
}

// reading is an interface as ifquery prints it.
type reading struct {
	Name   string                     `json:"name"`
	Config map[string]json.RawMessage `json:"config"`
}

// check has ifupdown2 parse the file before anything is written, and verifies the
// result; stanzas that it misunderstands are refused.
func (p *pass) check(ctx context.Context) (good bool, err error) {
	if len(p.want) == 0 {
		return true, nil // ifquery treats a file without interfaces as an error
	}
	f, err := os.CreateTemp("", "viaduct-interfaces-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(renderFile(p.want))
	if err = errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	out, err := p.d.run(ctx, "ifquery", "-a", "-i", f.Name(), "-o", "json")
	if err != nil {
		return false, err
	}
	var list []reading
	if out.code == 0 {
		err = json.Unmarshal(out.stdout, &list)
	}
	if out.code != 0 || err != nil {
		return false, fmt.Errorf("ifupdown2 cannot read the file that it was to load, so nothing was changed and links are made without it: %s", out.messages())
	}
	byName := map[string]stanza{}
	for _, r := range list {
		s := stanza{name: r.Name}
		for _, k := range keywords {
			s.options = append(s.options, values(k.name, r.Config[k.name])...)
		}
		byName[r.Name] = s
	}
	good = true
	for _, s := range p.want {
		got, taken := byName[s.name]
		if changes, _ := compare([]stanza{got}, []stanza{s}); !taken || len(changes) > 0 {
			good = false
			p.refuse(s, msgIfupdown2StanzaRefused.Failure(s.name, out.messages()))
		}
	}
	return good, nil
}

// values returns the values of one option in ifquery's output: a text, or a list of
// them.
func values(name string, raw json.RawMessage) []interfaces.Option {
	var one string
	var many []string
	if json.Unmarshal(raw, &one) == nil {
		many = []string{one}
	} else if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	var out []interfaces.Option
	for _, v := range many {
		out = append(out, interfaces.Option{Name: name, Value: v})
	}
	return out
}

// reload runs ifreload; owned stanzas that it fails on are refused. It also loads
// the operator's interfaces; their errors are not Viaduct's to report.
func (p *pass) reload(ctx context.Context) (good bool, err error) {
	out, err := p.d.run(ctx, "ifreload", "-a")
	if errors.Is(err, exec.ErrNotFound) && !p.wanted() {
		return true, nil // the file is removed, and nothing depends on it
	}
	if err != nil {
		return false, err
	}
	if out.code == 0 {
		return true, nil
	}
	links, err := p.d.conn.Links(ctx)
	if err != nil {
		return false, fmt.Errorf("read the node's interfaces: %w", err)
	}
	existing := map[string]bool{}
	for _, l := range links {
		existing[l.Name] = true
	}
	var missing, named []stanza
	for _, s := range p.want {
		switch {
		case !existing[s.name]:
			missing = append(missing, s)
		case out.about(s.name) != "":
			named = append(named, s)
		}
	}
	if len(missing) == 0 {
		missing = named // otherwise those may just need the missing ones
	}
	for _, s := range missing {
		p.refuse(s, msgIfupdown2Failed.Failure(s.name, cmp.Or(out.about(s.name), out.messages())))
	}
	return len(missing) == 0, nil
}

// outcome is the result of a program.
type outcome struct {
	stdout []byte
	errors []string // its error messages
	code   int
}

// messages returns all error messages of a program.
func (o *outcome) messages() string {
	if len(o.errors) == 0 {
		return fmt.Sprintf("exit code %d", o.code)
	}
	return strings.Join(o.errors, "; ")
}

// about returns the first error that names an interface; empty if none does.
func (o *outcome) about(name string) string {
	for _, line := range o.errors {
		words := strings.FieldsFunc(line, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", r)
		})
		if slices.Contains(words, name) {
			return line
		}
	}
	return ""
}

// run runs one of ifupdown2's programs; it waits while another instance runs.
func (d *Driver) run(ctx context.Context, name string, args ...string) (*outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	locked := time.Now()
	for {
		out, err := d.runOnce(ctx, name, args...)
		if err != nil || out.code != alreadyRunning {
			return out, err
		}
		if time.Since(locked) > d.o.LockTimeout {
			return nil, fmt.Errorf("another ifup, ifdown or ifreload has been running for %s, so %s could not: see what it waits for (ps -ef | grep if)", d.o.LockTimeout, name)
		}
		if !sleep.Context(ctx, lockPoll) {
			return nil, ctx.Err()
		}
	}
}

func (d *Driver) runOnce(ctx context.Context, name string, args ...string) (*outcome, error) {
	argv := append(append(slices.Clone(d.o.Wrapper), name), args...)
	if _, err := exec.LookPath(name); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := d.o.Namespace.Run(cmd.Run)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		return nil, fmt.Errorf("%s: %w", strings.Join(append([]string{name}, args...), " "), errors.Join(err, ctx.Err()))
	}
	out := &outcome{stdout: stdout.Bytes(), code: cmd.ProcessState.ExitCode()}
	for line := range strings.Lines(stderr.String()) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "error: "); ok {
			out.errors = append(out.errors, text)
		}
	}
	return out, nil
}
