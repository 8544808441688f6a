package problem_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/server/problem"
)

func TestMeasure(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		says string // empty if it is taken
	}{
		"nothing":              {"", ""},
		"an object":            {`{"a":[1,2,{"b":"c"}]}`, ""},
		"marks in a text":      {`"` + strings.Repeat(`[{,\"`, 1<<18) + `"`, ""},
		"a set of addresses":   {`{"entries":[` + strings.Repeat(`{"cidr":"192.0.2.1"},`, 100_000) + `{}]}`, ""},
		"a batch":              {`[` + strings.Repeat(`{"kind":"subnet","object":{"vnet":"v","dhcp-range":[{}]}},`, 60_000) + `{}]`, ""},
		"many empty objects":   {`{"rules":[` + strings.Repeat(`{},`, 5_500_000) + `{}]}`, "131072 values"},
		"many empty lists":     {`[` + strings.Repeat(`[],`, 200_000) + `[]]`, "131072 values"},
		"lists of lists":       {`[` + strings.Repeat(`[[],[],[],[],[],[],[],[],[],[]],`, 100_000) + `[]]`, "objects and lists"},
		"many members":         {`{` + strings.Repeat(`"a":1,`, 200_000) + `"a":1}`, "131072 values"},
		"many numbers":         {`[` + strings.Repeat(`[`+strings.Repeat("1,", 100_000)+`1],`, 11) + `1]`, "1048576 values"},
		"deep lists":           {strings.Repeat("[", 1_000_000), "32"},
		"deep objects":         {strings.Repeat(`{"a":`, 1_000_000), "32"},
		"more ends than lists": {strings.Repeat("]", 100), ""},
		"a text without end":   {`"\`, ""},
	} {
		err := problem.Measure([]byte(c.body))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && problem.From(err).Status != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, problem.From(err).Status)
		}
	}
}

// Whatever JSON is small in every way is taken.
func TestMeasureTakesOrdinaryJSON(t *testing.T) {
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		text := rapid.Map(rapid.String(), func(s string) any { return s })
		if depth == 0 {
			return text
		}
		return rapid.OneOf(text,
			rapid.Map(rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return value(depth - 1) }), 0, 4), func(l []any) any { return l }),
			rapid.Map(rapid.MapOfN(rapid.String(), rapid.Deferred(func() *rapid.Generator[any] { return value(depth - 1) }), 0, 4), func(m map[string]any) any { return m }))
	}
	rapid.Check(t, func(t *rapid.T) {
		b, err := json.Marshal(value(5).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		if err := problem.Measure(b); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
	})
}
