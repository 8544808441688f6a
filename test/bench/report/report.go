// Package report collects the figures of all benchmarks in one JSON file and
// prints them as a table. It is used by the programs below test/bench only.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/renameio/v2"
)

// Lower is the value of Row.Better of figures that should be small.
const Lower = "lower"

// Row is one figure: ours beside a peer's and beside a floor, which is the
// least that the job can cost. Peer and Floor are 0, and null in JSON, where there
// is none.
type Row struct {
	Name   string  `json:"name"`
	Ours   float64 `json:"ours"`
	Peer   float64 `json:"peer"`
	Floor  float64 `json:"floor"`
	Unit   string  `json:"unit"`
	Better string  `json:"better"`
	// RatioPeer and RatioFloor are ours divided by theirs; 0, and null in JSON,
	// where there is none.
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
	// Most bounds ours, LeastOfFloor the part of the floor that ours is; 0 does not.
	Most, LeastOfFloor float64
}

// Finish ends a program: it fills in the ratios, prints the rows, puts them in the JSON
// file (see Merge) unless its path is empty, and returns an error that names each figure
// beyond its limit, or each limit without a figure.
func Finish(jsonPath string, rows []Row, limits ...Limit) error {
	for i := range rows {
		rows[i] = rows[i].Rate()
	}
	err := Table(os.Stdout, rows)
	if err == nil && jsonPath != "" {
		err = Merge(jsonPath, rows)
	}
	for _, l := range limits {
		i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == l.Name })
		if i < 0 {
			err = errors.Join(err, fmt.Errorf("%s was not measured", l.Name))
			continue
		}
		r := rows[i]
		if l.Most > 0 && r.Ours > l.Most {
			err = errors.Join(err, fmt.Errorf("%s is %.4g %s, more than %.4g", r.Name, r.Ours, r.Unit, l.Most))
		}
		if r.RatioFloor < l.LeastOfFloor {
			err = errors.Join(err, fmt.Errorf("%s is %.2f of the floor, less than %.2f", r.Name, r.RatioFloor, l.LeastOfFloor))
		}
	}
	return err
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
