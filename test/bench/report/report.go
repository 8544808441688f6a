// Package report collects the figures of all benchmarks in one JSON file and
// prints them as a table. It is used by the programs below test/bench only.
package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/renameio/v2"
)

// Lower is the value of Row.Better of figures that should be small.
const Lower = "lower"

// Row is one figure: Viaduct's next to a peer's and to a floor, which is the least
// that the job can cost. Peer and Floor are 0, and null in JSON, if there is no such
// figure.
type Row struct {
	Name   string  `json:"name"`
	Ours   float64 `json:"ours"`
	Peer   float64 `json:"peer"`
	Floor  float64 `json:"floor"`
	Unit   string  `json:"unit"`
	Better string  `json:"better"`
	// RatioPeer and RatioFloor are Ours divided by Peer and Floor; 0, and null in
	// JSON, without one.
	RatioPeer  float64 `json:"ratio_peer"`
	RatioFloor float64 `json:"ratio_floor"`
}

// MarshalJSON writes null for a figure there is not.
func (r Row) MarshalJSON() ([]byte, error) {
	opt := func(v float64) *float64 {
		if v == 0 {
			return nil
		}
		return &v
	}
	return json.Marshal(struct {
		Name       string   `json:"name"`
		Ours       float64  `json:"ours"`
		Peer       *float64 `json:"peer"`
		Floor      *float64 `json:"floor"`
		Unit       string   `json:"unit"`
		Better     string   `json:"better"`
		RatioPeer  *float64 `json:"ratio_peer"`
		RatioFloor *float64 `json:"ratio_floor"`
	}{r.Name, r.Ours, opt(r.Peer), opt(r.Floor), r.Unit, r.Better, opt(r.RatioPeer), opt(r.RatioFloor)})
}

// Rate fills in the ratios.
func (r Row) Rate() Row {
	if r.Peer != 0 {
		r.RatioPeer = r.Ours / r.Peer
	}
	if r.Floor != 0 {
		r.RatioFloor = r.Ours / r.Floor
	}
	return r
}

// Limit is what the project demands of a figure.
type Limit struct {
	// Name is the row's.
	Name string
	// Most bounds Row.Ours, LeastOfFloor its ratio to the floor; 0 means no bound.
	Most, LeastOfFloor float64
}

// Finish prints the rows and puts them in the JSON file (see Merge) unless its path is
// empty. It is what a program without limits does.
func Finish(jsonPath string, rows []Row) error {
	for i := range rows {
		rows[i] = rows[i].Rate()
	}
	err := Table(os.Stdout, rows)
	if err == nil && jsonPath != "" {
		err = Merge(jsonPath, rows)
	}
	return err
}

// rounds is how often a figure is measured before it counts as beyond its limit: what
// else a machine does for a moment makes one measurement worse, what a program costs
// makes all of them.
const rounds = 3

// Judge runs a program with limits: it measures, prints the rows, puts them in the JSON file
// (see Merge) unless its path is empty, and returns an error that names each figure
// beyond its limit, or each limit without a figure. While a limit is not met it
// measures again, up to three times in all. A limit is met if one of the measurements
// meets it; what is reported is the median of them.
func Judge(jsonPath string, measure func() ([]Row, error), limits ...Limit) error {
	var all [][]Row
	var faults []string
	for {
		rows, err := measure()
		if err != nil {
			return err
		}
		for i := range rows {
			rows[i] = rows[i].Rate()
		}
		all = append(all, rows)
		if faults = beyond(all, limits); len(faults) == 0 || len(all) == rounds {
			break
		}
		fmt.Fprintf(os.Stderr, "bench: beyond a limit, so it is measured again: %s\n", strings.Join(faults, "; "))
	}
	if err := Finish(jsonPath, medians(all)); err != nil {
		return err
	}
	if len(faults) > 0 {
		return fmt.Errorf("in each of %d measurements: %s", len(all), strings.Join(faults, "; "))
	}
	return nil
}

// beyond names the limits that no measurement meets, each with what comes nearest.
func beyond(all [][]Row, limits []Limit) []string {
	var out []string
	for _, l := range limits {
		least, nearest := math.Inf(1), ""
		for _, rows := range all {
			if by, fault := l.missed(rows); nearest == "" || by < least {
				least, nearest = by, fault
			}
		}
		if least > 0 {
			out = append(out, nearest)
		}
	}
	return out
}

// missed returns by which part the rows miss the limit, 0 if they meet it, and how.
func (l Limit) missed(rows []Row) (by float64, how string) {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == l.Name })
	if i < 0 {
		return math.MaxFloat64, l.Name + " was not measured"
	}
	r := rows[i]
	if l.Most > 0 && r.Ours > l.Most {
		by, how = r.Ours/l.Most-1, fmt.Sprintf("%s is %.4g %s, more than %.4g", r.Name, r.Ours, r.Unit, l.Most)
	}
	if r.RatioFloor < l.LeastOfFloor {
		if part := 1 - r.RatioFloor/l.LeastOfFloor; part > by {
			by, how = part, fmt.Sprintf("%s is %.2f of the floor, less than %.2f", r.Name, r.RatioFloor, l.LeastOfFloor)
		}
	}
	return by, how
}

// medians selects the median measurement of each row, with its peer and floor.
func medians(all [][]Row) []Row {
	out := slices.Clone(all[0])
	for i := range out {
		var same []Row
		for _, rows := range all {
			if j := slices.IndexFunc(rows, func(r Row) bool { return r.Name == out[i].Name }); j >= 0 {
				same = append(same, rows[j])
			}
		}
		slices.SortFunc(same, func(a, b Row) int { return cmp.Compare(a.Ours, b.Ours) })
		out[i] = same[(len(same)-1)/2]
	}
	return out
}

// Median is the middle of the values, the mean of the middle two of an even
// number, and 0 of none.
func Median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	switch n := len(v); {
	case n == 0:
		return 0
	case n%2 == 1:
		return v[n/2]
	default:
		return (v[n/2-1] + v[n/2]) / 2
	}
}

// Merge puts the rows in the JSON file, in place of those with the same names,
// so that several programs can report to one file. The file is replaced as a
// whole; its folder is made if need be.
func Merge(path string, rows []Row) error {
	var all []Row
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read the earlier figures: %w", err)
	default:
		if err := json.Unmarshal(b, &all); err != nil {
			return fmt.Errorf("read the earlier figures in %s: %w", path, err)
		}
	}
	for _, r := range rows {
		if i := slices.IndexFunc(all, func(o Row) bool { return o.Name == r.Name }); i >= 0 {
			all[i] = r
		} else {
			all = append(all, r)
		}
	}
	if b, err = json.MarshalIndent(all, "", "  "); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, append(b, '\n'), 0o644)
}

// Table prints the rows for people.
func Table(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "name\tours\tpeer\tfloor\tunit\tours/peer\tours/floor\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Name,
			number(r.Ours), number(r.Peer), number(r.Floor), r.Unit, number(r.RatioPeer), number(r.RatioFloor))
	}
	return t.Flush()
}

// number prints three digits that matter; nothing for a figure there is not.
func number(v float64) string {
	if v == 0 {
		return "-"
	}
	s := fmt.Sprintf("%.3g", v)
	switch {
	case !strings.Contains(s, "e"):
	case v >= 1000:
		s = fmt.Sprintf("%.0f", v)
	default:
		s = fmt.Sprintf("%.5f", v)
	}
	return s
}
