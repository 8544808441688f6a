package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func TestUsageText(t *testing.T) {
	for _, tc := range []struct {
		u    api.Usage
		want string
	}{
		{api.Usage{Used: 2, Size: 253}, "2 of 253"},
		{api.Usage{Used: 0, Size: 1<<24 - 3}, "0 of 16777213"},
		{api.Usage{Used: 2, Size: 1<<40 - 2}, "2 of 2^40"},
		{api.Usage{Used: 2, Size: 1 << 53, SizeLog2: 64}, "2 of 2^64"},
		{api.Usage{Used: 12345, Size: 1 << 53, SizeLog2: 119.58496}, "12345 of 2^119.6"},
	} {
		if got := usageText(tc.u); got != tc.want {
			t.Errorf("%+v is shown as %q, should be %q", tc.u, got, tc.want)
		}
	}
}

// Whole numbers stay whole numbers whatever the format and their size.
func TestNumbersStayWhole(t *testing.T) {
	for _, format := range []string{formatJSON, formatYAML} {
		var b bytes.Buffer
		if err := writeData(&b, format, api.Usage{Used: 12345678, Size: 1 << 53, SizeLog2: 64}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"12345678", "9007199254740992", "64"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %s in\n%s", format, want, &b)
			}
		}
		if strings.Contains(b.String(), "e+") {
			t.Errorf("%s: a number in scientific notation:\n%s", format, &b)
		}
	}
}
