package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/test/golden"

	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The reference page of messages matches the definitions of all packages of the program.
func TestMessagesPage(t *testing.T) {
	const path = "../../docs/reference/messages.md"
	got := messagesPage()
	golden.File(t, path, got, "go test ./cmd/viaduct -run MessagesPage")
	if n := len(message.Definitions()); n < 300 {
		t.Errorf("only %d messages: the program does not link the packages that define them", n)
	}
}

func messagesPage() string {
	var b strings.Builder
	b.WriteString("# Messages\n\n" +
		"Generated from the definitions of all packages by `go test ./cmd/viaduct -run MessagesPage -update`. The command line prints the same: `viaduct explain CODE`.\n\n" +
		"Problems of configurations, notes of plans, states of nodes and errors of manifests have a code. JSON output and the API contain it as\n" +
		"`code`, with the arguments in `args` and the last part of the message, which states what to do, in `remedy`. Codes stay the same over\n" +
		"releases; texts may change. Names in braces stand for arguments.\n")
	text := strings.NewReplacer("<", "\\<", "*", "\\*", "_", "\\_", "[", "\\[")
	for _, d := range message.Definitions() {
		fmt.Fprintf(&b, "\n## %s\n\n> %s\n\n%s\n", d.Code, text.Replace(strings.TrimSuffix(d.Text, ":")), text.Replace(d.Explanation))
		if d.Remedy != "" {
			fmt.Fprintf(&b, "\nRemedy: %s\n", text.Replace(d.Remedy))
		}
	}
	return b.String()
}

// `viaduct explain` takes kinds and codes.
func TestCodesAreNoKinds(t *testing.T) {
	for _, d := range message.Definitions() {
		if k, ok := model.ParseKind(d.Code); ok {
			t.Errorf("the code %s is also the kind %s", d.Code, k)
		}
	}
}
