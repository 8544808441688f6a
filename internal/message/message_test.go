package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	testUsed   = Define("test-used", "is already that of {vnet} in {zone}", "choose another than {vnet}", "For the test.")
	testForm   = Define("test-form", "is no number:", "use {min} to {max}", "For the test.")
	testHint   = Define("test-hint", "does not exist", "{hint}", "For the test.")
	testPlain  = Define("test-plain", "has no effect", "", "For the test.")
	testCaused = Define("test-caused", "{error}", "", "For the test.")
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		got  Message
		want Message
	}{
		{testUsed.Of("v1", "z{vnet}"), Message{Text: "is already that of v1 in z{vnet}; choose another than v1",
			Details: Details{Code: "test-used", Args: map[string]string{"vnet": "v1", "zone": "z{vnet}"}, Remedy: "choose another than v1"}}},
		{testForm.Of(1, 7), Message{Text: "is no number: use 1 to 7",
			Details: Details{Code: "test-form", Args: map[string]string{"min": "1", "max": "7"}, Remedy: "use 1 to 7"}}},
		{testHint.Of(""), Message{Text: "does not exist", Details: Details{Code: "test-hint", Args: map[string]string{"hint": ""}}}},
		{testPlain.Of(), Message{Text: "has no effect", Details: Details{Code: "test-plain"}}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Error(d)
		}
	}
}

func TestFromError(t *testing.T) {
	cause := errors.New("no route")
	failure := testUsed.Failure("v1", cause)
	if !errors.Is(failure, cause) {
		t.Error("the failure does not wrap its argument")
	}
	m := FromError(fmt.Errorf("interface eth0: %w", failure), testCaused)
	if m.Code != "test-used" || m.Text != "interface eth0: is already that of v1 in no route; choose another than v1" {
		t.Errorf("%+v", m)
	}
	if m = FromError(cause, testCaused); m.Code != "test-caused" || m.Text != "no route" || m.Args["error"] != "no route" {
		t.Errorf("%+v", m)
	}
}

func TestDefineRefusesSecondCode(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two definitions with one code")
		}
	}()
	Define("test-plain", "x", "", "x")
}

// A report without a code is that of an older release.
func TestDetailsAreOptional(t *testing.T) {
	b, err := json.Marshal(struct {
		Message string `json:"message"`
		Details
	}{Message: "text"})
	if err != nil || string(b) != `{"message":"text"}` {
		t.Errorf("%s, %v", b, err)
	}
}
