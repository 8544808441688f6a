package nft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
)

// refusal is nft's rejection of its input.
type refusal struct {
	// text is nft's message, lines the rejected lines of input.
	text  string
	lines []int
	err   error
}

// Error implements error.
func (e *refusal) Error() string {
	if e.text == "" {
		return "nft: " + e.err.Error()
	}
	return "nft: " + e.text
}

// Unwrap returns the program's exit status.
func (e *refusal) Unwrap() error { return e.err }

// nft runs the program with the input.
func (d *Driver) nft(ctx context.Context, input string, args ...string) error {
	_, err := d.output(ctx, input, args...)
	return err
}

// output runs the program in the driver's namespace and returns its output.
func (d *Driver) output(ctx context.Context, input string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, d.command, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	// Messages and listings must not depend on the operator's language.
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	err := d.ns.Run(cmd.Run)
	if err == nil {
		return stdout.String(), nil
	}
	if cerr := ctx.Err(); cerr != nil {
		return "", cerr
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return "", fmt.Errorf("run %s: %w", d.command, err)
	}
	return "", &refusal{text: firstMessage(stderr.String()), lines: errorLines(stderr.String()), err: err}
}

// firstMessage returns the first line of nft's error without its position, which
// refers to the driver's own input: "/dev/stdin:7:3-5: Error: syntax error".
func firstMessage(stderr string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if _, message, found := strings.Cut(line, "Error: "); found {
		return message
	}
	return line
}

// errorLines finds the line numbers in nft's errors: the first number of
// "/dev/stdin:LINE:COLUMN-COLUMN: Error: ...".
func errorLines(stderr string) []int {
	var out []int
	for line := range strings.Lines(stderr) {
		place, _, found := strings.Cut(line, ": Error: ")
		if !found {
			continue
		}
		if parts := strings.Split(place, ":"); len(parts) >= 3 {
			if n, err := strconv.Atoi(parts[len(parts)-2]); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// listAll lists the owned tables as nft prints them, without counters and other
// state, by key. Each is queried separately: for several at once, nft 1.0.6 leaves
// out tables of other families than the last one's.
func (d *Driver) listAll(ctx context.Context) (map[string]string, error) {
	out, err := d.output(ctx, "list tables\n", "-f", "-")
	if err != nil {
		return nil, err
	}
	listed := map[string]string{}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != "table" || !strings.HasPrefix(f[2], Prefix) {
			continue
		}
		key := f[1] + " " + f[2]
		last, known := d.state.Tables[key]
		if listed[key], err = d.list(ctx, key, !known || isDynamic(last.Table)); err != nil {
			return nil, err
		}
	}
	return listed, nil
}

// list returns a table as nft prints it, without counters and other state, and if
// terse without the elements of its sets.
func (d *Driver) list(ctx context.Context, key string, terse bool) (string, error) {
	args := []string{"-s"}
	if terse {
		args = append(args, "-t")
	}
	return d.output(ctx, "", append(append(args, "list", "table"), strings.Fields(key)...)...)
}

// maxRefusals bounds how many objects are left out of one table.
const maxRefusals = 16

// check tries the table without applying it and leaves out refused objects. Trying
// costs a process, so a table that was applied unchanged counts as good.
func (d *Driver) check(ctx context.Context, t desired.Table) (usable desired.Table, refused []error, err error) {
	for range maxRefusals {
		if last, known := d.state.Tables[tableKey(t)]; known && hash(last.Table) == hash(t) {
			return t, refused, nil
		}
		text, owners := render(t)
		err := d.nft(ctx, text, "-c", "-f", "-")
		var r *refusal
		if err == nil || !errors.As(err, &r) {
			return t, refused, err
		}
		owner := ""
		for _, n := range r.lines {
			if owner == "" {
				owner = owners[n]
			}
		}
		if owner == "" {
			return t, refused, r
		}
		refused = append(refused, &driver.ObjectError{Owner: owner, Err: msgNFTRulesRefused.Failure(tableKey(t), r)})
		t = without(t, owner)
	}
	return t, refused, errors.New("too many of its rules are refused; it was left as it is")
}

// without removes the rules of one owner.
func without(t desired.Table, owner string) desired.Table {
	t.Chains = slices.Clone(t.Chains)
	for i, c := range t.Chains {
		t.Chains[i].Rules = slices.DeleteFunc(slices.Clone(c.Rules), func(r desired.Rule) bool { return r.Owner == owner })
	}
	return t
}
