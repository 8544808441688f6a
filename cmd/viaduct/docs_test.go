package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/test/golden"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/viaduct-sdn/viaduct/internal/cli"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/docs"
)

// tree returns all commands, new ones each time: parsing leaves values in flags.
func tree() *cobra.Command {
	cfg := config()
	cfg.Stdout, cfg.Stderr, cfg.Getenv = io.Discard, io.Discard, func(string) string { return "" }
	return cli.New(cfg)
}

// parse checks the words of a command line: the command, its flags and, where it is whole,
// its arguments.
func parse(words []string, whole bool) error {
	for _, w := range words {
		if w == "-h" || w == "--help" {
			return nil
		}
	}
	cmd, rest, err := tree().Find(words)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	given := cmd.Flags().Args()
	if cmd.HasSubCommands() && len(given) > 0 {
		return fmt.Errorf("%q is no command of %s", given[0], cmd.CommandPath())
	}
	if whole {
		if err := cmd.ValidateArgs(given); err != nil {
			return err
		}
	}
	return objects(cmd, given)
}

// objects checks the kind and the properties in the arguments of a command.
func objects(cmd *cobra.Command, given []string) error {
	if !slices.Contains([]string{"get", "describe", "create", "set", "delete"}, cmd.CommandPath()[len("viaduct "):]) || len(given) == 0 {
		return nil
	}
	k, ok := model.ParseKind(given[0])
	if !ok && given[0] != "nics" && given[0] != "all" && given[0] != "KIND" {
		return fmt.Errorf("%q is no kind", given[0])
	}
	if cmd.Name() != "create" && cmd.Name() != "set" || !ok || len(given) < 2 {
		return nil
	}
	for _, a := range given[2:] {
		if _, err := manifest.ParseAssignment(k, a); err != nil && !strings.HasSuffix(a, "...") {
			return err
		}
	}
	return nil
}

// Command lines in pages are of commands, flags, kinds and properties that there are.
func TestCommandLinesInPages(t *testing.T) {
	pages, err := docs.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range pages {
		if p.Path == reference || strings.HasPrefix(p.Path, "docs/proposals/") {
			continue
		}
		for _, c := range p.Commands("viaduct") {
			found++
			if err := parse(c.Words, c.Whole); err != nil {
				t.Errorf("%s:%d: viaduct %s: %v", p.Path, c.Line, strings.Join(c.Words, " "), err)
			}
		}
	}
	if found < 150 {
		t.Errorf("only %d command lines were found", found)
	}
}

// Examples in the help of commands are command lines, too.
func TestCommandLinesInHelp(t *testing.T) {
	found := 0
	each(tree(), func(path []string, cmd *cobra.Command) {
		text := cmd.Example
		for line := range strings.Lines(cmd.Long) {
			if indented.MatchString(line) {
				text += "\n" + line
			}
		}
		page := docs.Parse(strings.Join(path, " "), "```sh\n"+text+"\n```\n")
		for _, c := range page.Commands("viaduct") {
			found++
			if err := parse(c.Words, false); err != nil {
				t.Errorf("%s: viaduct %s: %v", page.Path, strings.Join(c.Words, " "), err)
			}
		}
	})
	if found < 20 {
		t.Errorf("only %d command lines were found", found)
	}
}

// TestParse shows that the checks above can fail.
func TestParse(t *testing.T) {
	for _, line := range []string{
		"nosuch", "node nosuch", "status --nosuch", "history show", "node join https://a", "get nosuch", "set zone a nosuch=1",
		"create vnet a zone", "apply --timeout 5", "lab up extra",
	} {
		if err := parse(strings.Fields(line), true); err == nil {
			t.Errorf("viaduct %s is wrong and was not refused", line)
		}
	}
}

// reference is the page of all commands.
const reference = "docs/reference/cli.md"

// The reference of the command line is made of the commands.
func TestReference(t *testing.T) {
	path := "../../" + reference
	var b bytes.Buffer
	b.WriteString(introduction)
	each(tree(), func(path []string, cmd *cobra.Command) {
		if cmd.IsAvailableCommand() && len(path) > 0 && path[0] != "completion" && path[0] != "help" {
			describe(&b, cmd)
		}
	})
	golden.File(t, path, b.String(), "go test ./cmd/viaduct -run Reference")
}

const introduction = `# The command line

All commands with their flags. ` + "`viaduct COMMAND --help`" + ` and the manual pages have the same. Environment variables: ` + "`VIADUCT_SERVER`, `VIADUCT_CERT`, `VIADUCT_KEY`," + `
` + "`VIADUCT_CA`" + ` are defaults of the flags with these names, ` + "`VIADUCT_TOKEN`" + ` is an API token, ` + "`VIADUCT_LAB`" + ` the name of the lab that is meant, ` + "`VIADUCT_LISTEN`" + ` the
default of ` + "`--listen`" + ` of the server, and ` + "`NO_COLOR`" + ` switches colours off.
`

// indented is a line of a help text that is a list or an example.
var indented = regexp.MustCompile(`^ {2,}\S`)

func describe(b *bytes.Buffer, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", cmd.CommandPath())
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	prose(b, long)
	fmt.Fprintf(b, "\n```\n%s\n```\n", cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n\n```\n%s\n```\n", strings.TrimRight(unindent(cmd.Example), "\n"))
	}
	flags := cmd.NonInheritedFlags()
	if !flags.HasAvailableFlags() {
		return
	}
	b.WriteString("\n| flag | meaning |\n|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		text := "--" + f.Name
		if f.Shorthand != "" {
			text = "-" + f.Shorthand + ", " + text
		}
		if name != "" {
			text += " " + name
		}
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" {
			usage += " (default `" + f.DefValue + "`)"
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", text, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(usage))
	})
}

// prose writes a help text as Markdown: indented lines are code.
func prose(b *bytes.Buffer, text string) {
	code, blank := false, ""
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		if line == "\n" {
			blank += line
			continue
		}
		is := indented.MatchString(line)
		switch {
		case is && !code:
			b.WriteString(blank + "```\n")
		case code && !is:
			b.WriteString("```\n" + blank)
		default:
			b.WriteString(blank)
		}
		code, blank = is, ""
		if code {
			b.WriteString(strings.TrimPrefix(line, "  "))
		} else {
			b.WriteString(strings.NewReplacer("<", "&lt;", "*", `\*`).Replace(line))
		}
	}
	if code {
		b.WriteString("```\n")
	}
}

func unindent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}
