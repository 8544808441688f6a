package report

import (
	"encoding/json"
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

func TestLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	rows := []Row{{Name: "a", Unit: "s", Ours: 2, Floor: 4}, {Name: "b", Ours: 7}}
	if err := Finish(path, rows, Limit{Name: "a", Most: 2, LeastOfFloor: 0.5}, Limit{Name: "b"}); err != nil {
		t.Error(err)
	}
	err := Finish(path, rows, Limit{Name: "a", Most: 1.5, LeastOfFloor: 0.51}, Limit{Name: "c", Most: 1})
	if want := "a is 2 s, more than 1.5\na is 0.50 of the floor, less than 0.51\nc was not measured"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), `"ratio_floor": 0.5`) {
		t.Errorf("%s %v", b, err)
	}
}
