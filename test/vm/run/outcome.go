package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// packageMark begins the line before the output of a package's tests.
const packageMark = "=== PACKAGE "

// proved is the prefix of the facts that scenarios report as shown.
const proved = "proved: "

var (
	// "=== RUN   TestVMEVPN"; NAME and CONT name the test with the output that follows.
	turn = regexp.MustCompile(`^=== (RUN|NAME|CONT|PAUSE)\s+(\S+)$`)
	// "    vm_x_test.go:12: figure: gap/moved-guest 0.93 s"
	figure = regexp.MustCompile(`\bfigure: (\S+) ([0-9.]+) (\S+)$`)
	// "    --- PASS: TestVMQinQ/plain_bridge (12.34s)"
	verdict = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(([0-9.]+s)\)$`)
)

// test is one test and its result.
type test struct {
	pkg, name string
	result    string // PASS, FAIL, SKIP; empty if it did not end
	took      time.Duration
	output    []string // including that of its subtests
}

// outcome is the result of the tests in one place. It parses the output of `-test.v`
// line by line.
type outcome struct {
	// place is the short form of title.
	title, place string
	// changed are the packages with other versions than in the last full pass; tolerated is
	// true if failures do not count because of them.
	changed   []string
	tolerated bool
	// skip is true if tests may be skipped.
	skip  bool
	w     io.Writer
	start time.Time
	took  time.Duration
	tests []*test
	// pkg and current are the source of a line; name is current's or its subtest.
	pkg     string
	current *test
	name    string
	// stray is output of no test: a panic's trace, the machine's messages.
	stray []string
	// figures are the measurements of scenarios.
	figures []report.Row
	err     error
}

func newOutcome(title string, suites []suite, w io.Writer) *outcome {
	o := &outcome{title: title, w: w, start: time.Now()}
	for _, s := range suites {
		for _, name := range s.tests {
			o.tests = append(o.tests, &test{pkg: s.pkg, name: name})
		}
	}
	fmt.Fprintf(w, "\n%s: %d tests of %d packages\n", title, len(o.tests), len(suites))
	return o
}

// find returns the test with this name, or with this subtest.
func (o *outcome) find(name string) *test {
	top, _, _ := strings.Cut(name, "/")
	i := slices.IndexFunc(o.tests, func(t *test) bool { return t.pkg == o.pkg && t.name == top })
	if i < 0 {
		return nil
	}
	return o.tests[i]
}

// line processes the next line of output.
func (o *outcome) line(s string) {
	if pkg, ok := strings.CutPrefix(s, packageMark); ok {
		o.pkg, o.current = pkg, nil
		fmt.Fprintf(o.w, "  %s\n", pkg)
		return
	}
	if m := turn.FindStringSubmatch(s); m != nil {
		o.current, o.name = o.find(m[2]), m[2]
		if o.pkg == scenarios && m[1] == "RUN" {
			fmt.Fprintf(o.w, "    %s ...\n", m[2])
		}
		return
	}
	if m := verdict.FindStringSubmatch(s); m != nil {
		o.ended(m[1], m[2], m[3])
		return
	}
	if o.current == nil || o.current.result != "" {
		if s != "PASS" && s != "FAIL" && s != "" {
			o.stray = append(o.stray, s)
		}
		return
	}
	if m := figure.FindStringSubmatch(s); m != nil {
		value, _ := strconv.ParseFloat(m[2], 64)
		o.figures = append(o.figures, report.Row{Name: o.figureName(m[1]), Ours: value, Unit: m[3], Better: report.Lower})
		return
	}
	o.current.output = append(o.current.output, s)
	if _, what, ok := strings.Cut(s, proved); ok {
		fmt.Fprintf(o.w, "      %6.1fs  %s\n", time.Since(o.start).Seconds(), what)
	}
}

// figureName distinguishes the figures of different places.
func (o *outcome) figureName(name string) string {
	if o.place == "" || o.place == "system" {
		return name
	}
	return name + "@" + o.place
}

// ended records the result of a test, and shows the output of a failed one.
func (o *outcome) ended(result, name, took string) {
	t := o.find(name)
	if t == nil {
		return
	}
	d, _ := time.ParseDuration(took)
	if t.name != name { // a subtest
		t.output = append(t.output, fmt.Sprintf("--- %s: %s (%s)", result, name, took))
		return
	}
	t.result, t.took = result, d
	fmt.Fprintf(o.w, "    %s %s (%.1fs)\n", result, name, d.Seconds())
	if result != "PASS" {
		for _, l := range t.output {
			fmt.Fprintf(o.w, "      | %s\n", strings.TrimPrefix(l, "    "))
		}
	}
}

// finish ends the place; err is the error of its command.
func (o *outcome) finish(err error) {
	o.took, o.err = time.Since(o.start), err
}

// passed reports whether all tests passed.
func (o *outcome) passed() bool {
	return o.err == nil && !slices.ContainsFunc(o.tests, func(t *test) bool {
		return t.result != "PASS" && (!o.skip || t.result != "SKIP")
	})
}

// reason returns the first line with the reason of a failed test.
func (t *test) reason() string {
	reason := ""
	for _, l := range t.output {
		l = strings.TrimSpace(l)
		if strings.Contains(l, proved) || strings.HasPrefix(l, "--- ") || l == "" {
			continue
		}
		reason = l
		if strings.Contains(l, "_test.go:") {
			break
		}
	}
	return reason
}

// summarise prints a summary, and reports whether all tests passed.
func summarise(w io.Writer, all []*outcome, took time.Duration) bool {
	good := true
	fmt.Fprintf(w, "\nVM tier: %s\n", took.Round(time.Second))
	for _, o := range all {
		count := map[string]int{}
		shown := 0
		for _, t := range o.tests {
			count[t.result]++
			for _, l := range t.output {
				if strings.Contains(l, proved) {
					shown++
				}
			}
		}
		fmt.Fprintf(w, "  %s: %d of %d tests passed, %d things proved, %s\n", o.title, count["PASS"], len(o.tests), shown, o.took.Round(time.Second))
		for _, t := range o.tests {
			switch t.result {
			case "PASS":
			case "":
				fmt.Fprintf(w, "    %s %s did not end\n", t.pkg, t.name)
			default:
				fmt.Fprintf(w, "    %s %s %s: %s\n", t.result, t.pkg, t.name, t.reason())
			}
		}
		if o.passed() {
			continue
		}
		if good = good && o.tolerated; o.tolerated {
			fmt.Fprintf(w, "    these failures do not count, because packages of a release that still changes are others than when all passed: %s\n", strings.Join(o.changed, ", "))
		}
		if o.err != nil {
			fmt.Fprintf(w, "    the tests' command: %v\n", o.err)
		}
		for _, l := range o.stray {
			fmt.Fprintf(w, "    | %s\n", l)
		}
	}
	return good
}
