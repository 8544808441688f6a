package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// limit returns the timeout of suites, generously: an emulated processor is slow,
// especially on a busy machine. It is there to detect tests that hang.
func limit(suites ...suite) time.Duration {
	sum := 10 * time.Minute
	for _, s := range suites {
		each := time.Minute
		if s.pkg == scenarios {
			each = 10 * time.Minute
		}
		sum += time.Duration(len(s.tests)) * each
	}
	return sum
}

// run runs suites in the place and shows their progress.
func (p *place) run(suites []suite) (*outcome, error) {
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(buildDir, p.name+".sh")
	if err := os.WriteFile(path, []byte(commands(suites, p.short)), 0o644); err != nil {
		return nil, err
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	argv := []string{"test/vm/inroot", root, "sh", path}
	env := []string{"VIADUCT_BINARY=" + filepath.Join(here, "bin/viaduct")}
	if p.inVM {
		kernel, err := script("internal/lab/vm/kernel", "build/kernel")
		if err != nil {
			return nil, err
		}
		env = append(env, "VIADUCT_VM=1")
		argv = []string{"internal/lab/vm/boot", "-k", kernel, "-r", root, "-t", fmt.Sprint(int((limit(suites...) + time.Minute).Seconds()))}
		for _, e := range env {
			argv = append(argv, "-e", e)
		}
		argv = append(argv, "--", "sh", path)
	}
	o := newOutcome(p.title, suites, os.Stdout)
	o.skip, o.place = !p.inVM, p.name
	if o.changed, err = p.changes(root); err != nil {
		return nil, err
	}
	for _, c := range o.changed {
		fmt.Printf("  not what %s says: %s\n", p.versions, c)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		o.line(lines.Text())
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	o.finish(err)
	return o, nil
}

// changes compares the packages of a root with a changing release to those of the last
// full pass.
func (p *place) changes(root string) ([]string, error) {
	if p.versions == "" {
		return nil, nil
	}
	was, err1 := os.ReadFile(p.versions)
	now, err2 := os.ReadFile(filepath.Join(root, "VERSIONS"))
	return changedVersions(string(was), string(now)), errors.Join(err1, err2)
}

// changedVersions returns the packages, each a line "frr 10.7.1-6", with another
// version: "frr 10.8-1 (was 10.7.1-6)".
func changedVersions(was, now string) []string {
	before := map[string]string{}
	for line := range strings.Lines(was) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		before[name] = version
	}
	var out []string
	for line := range strings.Lines(now) {
		if name, version, _ := strings.Cut(strings.TrimSpace(line), " "); before[name] != version {
			out = append(out, fmt.Sprintf("%s %s (was %s)", name, version, before[name]))
		}
	}
	return out
}

// commands returns the shell script that runs suites, each in the directory of its
// package, whether or not others fail.
func commands(suites []suite, short bool) string {
	var b strings.Builder
	b.WriteString("status=0\n")
	for _, s := range suites {
		pattern := "^(" + strings.Join(s.tests, "|") + ")$"
		if s.below != "" {
			pattern += "/" + s.below
		}
		up := strings.Repeat("../", strings.Count(s.pkg, "/")+1)
		fmt.Fprintf(&b, "echo '%s%s'\n(cd %s && exec %s -test.v -test.short=%t -test.timeout %s -test.run '%s') || status=1\n",
			packageMark, s.pkg, s.pkg, up+binary(s.pkg), short, limit(s), strings.ReplaceAll(pattern, "'", `'\''`))
	}
	b.WriteString("exit $status\n")
	return b.String()
}
