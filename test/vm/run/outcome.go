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

// packageMark begins the line that comes before the output of a package's tests.
const packageMark = "=== PACKAGE "

// proved is what scenarios write before what they have shown.
const proved = "proved: "

var (
	// "=== RUN   TestVMEVPN"; NAME and CONT tell whose output follows.
	turn = regexp.MustCompile(`^=== (RUN|NAME|CONT|PAUSE)\s+(\S+)$`)
	// "    vm_x_test.go:12: figure: gap/moved-guest 0.93 s"
	figure = regexp.MustCompile(`\bfigure: (\S+) ([0-9.]+) (\S+)$`)
	// "    --- PASS: TestVMQinQ/plain_bridge (12.34s)"
	verdict = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(([0-9.]+s)\)$`)
)

// test is one test and how it ended.
type test struct {
	pkg, name string
	result    string // PASS, FAIL, SKIP; empty if it did not end
	took      time.Duration
	output    []string // its own and that of its subtests
}

// outcome is how the tests went in one place. It reads the output of `-test.v`
// line by line.
type outcome struct {
	// place is the short name of title.
	title, place string
	// changed are the packages that are others than when all passed; tolerated says that
	// failures do not count because of them.
	changed   []string
	tolerated bool
	// skip allows tests to be skipped.
	skip  bool
	w     io.Writer
	start time.Time
	took  time.Duration
	tests []*test
	// pkg and current say whose output a line is; name is current's or its subtest.
	pkg     string
	current *test
	name    string
	// stray is what no test wrote: a panic's trace, the machine's complaints.
	stray []string
	// figures are those that scenarios measured.
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

// find returns the test that a name, of it or of a subtest, is of.
func (o *outcome) find(name string) *test {
	top, _, _ := strings.Cut(name, "/")
	i := slices.IndexFunc(o.tests, func(t *test) bool { return t.pkg == o.pkg && t.name == top })
	if i < 0 {
		return nil
	}
	return o.tests[i]
}

// line takes the next line of output.
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

// figureName tells the figures of one place from those of another.
func (o *outcome) figureName(name string) string {
	if o.place == "" || o.place == "system" {
		return name
	}
	return name + "@" + o.place
}

// ended notes the verdict on a test, and shows what a failed one wrote.
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

// finish ends the place; err is that of its command.
func (o *outcome) finish(err error) {
	o.took, o.err = time.Since(o.start), err
}

// good reports whether all tests passed.
func (o *outcome) good() bool {
	return o.err == nil && !slices.ContainsFunc(o.tests, func(t *test) bool {
		return t.result != "PASS" && (!o.skip || t.result != "SKIP")
	})
}

// because is the first line in which a test that failed says why.
func (t *test) because() string {
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

// summarise sums up, and reports whether all is well.
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
				fmt.Fprintf(w, "    %s %s %s: %s\n", t.result, t.pkg, t.name, t.because())
			}
		}
		if o.good() {
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
