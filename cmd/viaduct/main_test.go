package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/viaduct-sdn/viaduct/internal/cli"
)

// run runs a command line that asks no server.
func run(t *testing.T, words ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	cfg := config()
	cfg.Stdout, cfg.Stderr, cfg.Getenv = &out, &out, func(string) string { return "" }
	code := cli.Main(t.Context(), cfg, words)
	return out.String(), code
}

// each calls f with every command and its path.
func each(cmd *cobra.Command, f func(path []string, cmd *cobra.Command)) {
	f(strings.Fields(cmd.CommandPath())[1:], cmd)
	for _, c := range cmd.Commands() {
		each(c, f)
	}
}

// A word that is no sub-command is wrong usage in every group of commands, with and
// without a group that runs by itself, and a group alone prints its help.
func TestUnknownSubCommands(t *testing.T) {
	groups := 0
	each(cli.New(config()), func(path []string, cmd *cobra.Command) {
		if !cmd.HasSubCommands() {
			return
		}
		groups++
		if out, code := run(t, append(path, "nosuchword")...); code != cli.ExitUsage || !strings.Contains(out, `unknown command "nosuchword"`) {
			t.Errorf("viaduct %s nosuchword: exit status %d\n%s", strings.Join(path, " "), code, out)
		}
		if out, code := run(t, append([]string{"help"}, append(path, "nosuchword")...)...); code != cli.ExitUsage {
			t.Errorf("viaduct help %s nosuchword: exit status %d\n%s", strings.Join(path, " "), code, out)
		}
		if name := strings.Join(path, " "); name == "agent" || name == "history" { // which do something themselves
			return
		}
		if out, code := run(t, path...); code != cli.ExitOK || !strings.Contains(out, "Available Commands") && !strings.Contains(out, "Usage:") {
			t.Errorf("viaduct %s: exit status %d\n%s", strings.Join(path, " "), code, out)
		}
	})
	if groups < 10 {
		t.Errorf("only %d groups of commands were tried", groups)
	}
}

// Wrong flags and arguments end with the status of wrong usage, whatever the command.
func TestWrongUsage(t *testing.T) {
	each(cli.New(config()), func(path []string, _ *cobra.Command) {
		if out, code := run(t, append(path, "--nosuchflag")...); code != cli.ExitUsage {
			t.Errorf("viaduct %s --nosuchflag: exit status %d\n%s", strings.Join(path, " "), code, out)
		}
	})
	for _, line := range []string{"server x", "up x", "agent check x", "node join", "node join URL", "nameserver", "version x", "completion bash x"} {
		if out, code := run(t, strings.Fields(line)...); code != cli.ExitUsage {
			t.Errorf("viaduct %s: exit status %d\n%s", line, code, out)
		}
	}
}

// Every flag that names a directory of state takes a relative path, and refuses one in
// which no socket could be made.
func TestDirectoryFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	found := 0
	each(cli.New(config()), func(path []string, cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "data" && f.Name != "agent-data" && f.Name != "lab-dir" {
				return
			}
			found++
			name := "viaduct " + strings.Join(path, " ") + " --" + f.Name
			want, err := filepath.Abs("sub/dir")
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Value.Set("sub/dir"); err != nil || f.Value.String() != want {
				t.Errorf("%s sub/dir: %q, %v", name, f.Value, err)
			}
			if err := f.Value.Set("/" + strings.Repeat("d", 120)); err == nil || !strings.Contains(err.Error(), "shorter path") {
				t.Errorf("%s with a long path: %v", name, err)
			}
		})
	})
	if found < 5 {
		t.Errorf("only %d flags were found", found)
	}
}
