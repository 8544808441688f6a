package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMergeReplacesByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "build", "bench.json")
	for _, rows := range [][]Row{
		{Row{Name: "a", Ours: 1, Peer: 10}.Rate(), {Name: "b", Ours: 2}},
		{Row{Name: "b", Ours: 3, Floor: 2}.Rate(), {Name: "c", Ours: 4}},
	} {
		if err := Merge(path, rows); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []Row
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].RatioPeer != 0.1 || got[1].Ours != 3 || got[1].RatioFloor != 1.5 || got[2].Name != "c" {
		t.Errorf("got %+v", got)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := Median(c.in); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

// A limit is met if one of three measurements meets it: the first two of this program
// are disturbed.
func TestNoiseIsNoFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	measured := 0
	measure := func(ours ...float64) func() ([]Row, error) {
		measured = 0
		return func() ([]Row, error) {
			measured++
			return []Row{{Name: "a", Unit: "s", Ours: ours[measured-1], Floor: 4}, {Name: "b", Ours: 7}}, nil
		}
	}
	most := Limit{Name: "a", Most: 2}
	for _, c := range []struct {
		ours  []float64
		limit Limit
		times int
		err   string
	}{
		{ours: []float64{2}, limit: most, times: 1},
		{ours: []float64{2}, limit: Limit{Name: "a", LeastOfFloor: 0.5}, times: 1},
		{ours: []float64{3, 2.1, 1.9}, limit: most, times: 3},
		{ours: []float64{3, 1.9}, limit: most, times: 2},
		{ours: []float64{10, 2.2, 3}, limit: most, times: 3, err: "in each of 3 measurements: a is 2.2 s, more than 2"},
		{ours: []float64{1, 1.2, 1.1}, limit: Limit{Name: "a", LeastOfFloor: 0.5}, times: 3, err: "in each of 3 measurements: a is 0.30 of the floor, less than 0.50"},
		{ours: []float64{1, 1, 1}, limit: Limit{Name: "c"}, times: 3, err: "in each of 3 measurements: c was not measured"},
	} {
		err := Judge(path, measure(c.ours...), c.limit)
		if got := fmt.Sprint(err); got != c.err && (err != nil || c.err != "") {
			t.Errorf("%v, %+v: %s, want %s", c.ours, c.limit, got, c.err)
		}
		if measured != c.times {
			t.Errorf("%v, %+v: measured %d times, want %d", c.ours, c.limit, measured, c.times)
		}
	}
	if err := Judge(path, measure(5, 9, 6), most); err == nil {
		t.Error("a figure beyond its limit in each measurement is no error")
	}
	if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), `"ratio_floor": 1.5`) {
		t.Errorf("the median is not what is reported: %s %v", b, err)
	}
}
