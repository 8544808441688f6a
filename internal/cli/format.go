package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The values of -o.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatJSON  = "json"
	formatYAML  = "yaml"
	formatName  = "name"
)

// outputFlag gives a command -o with these formats, the first is the default.
func outputFlag(cmd *cobra.Command, into *string, formats ...string) {
	cmd.Flags().StringVarP(into, "output", "o", formats[0], "output: "+strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	before := cmd.PreRunE
	cmd.PreRunE = func(c *cobra.Command, args []string) error {
		if !slices.Contains(formats, *into) {
			return usagef(c, "unknown output %q; it is one of %s", *into, strings.Join(formats, ", "))
		}
		if before != nil {
			return before(c, args)
		}
		return nil
	}
}

// writeData writes a value of the API as JSON or YAML.
func writeData(w io.Writer, format string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if b = printedJSON(b); format == formatYAML {
		if b, err = yaml.JSONToYAML(b); err != nil {
			return fmt.Errorf("writing YAML: %w", err)
		}
	} else {
		b = append(b, '\n')
	}
	_, err = w.Write(b)
	return err
}

// printedJSON escapes characters that must not reach a terminal and that JSON has only
// in strings.
func printedJSON(b []byte) []byte {
	var out []byte
	for rest := b; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r < utf8.RuneSelf && r != 0x7f || line.Is(string(rest[:size])):
			out = append(out, rest[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		rest = rest[size:]
	}
	return out
}

// writeObjects writes objects for programs: as manifests in YAML, or in JSON with their
// kind, so that `apply -f -` accepts both. one writes a single object without a list.
func writeObjects(w io.Writer, format string, objs []model.Object, one bool) error {
	switch format {
	case formatName:
		for _, o := range objs {
			if _, err := fmt.Fprintln(w, model.Ref(o.ObjectKind(), o.ObjectID())); err != nil {
				return err
			}
		}
		return nil
	case formatYAML:
		b, err := manifest.Marshal(objs)
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}
	list := make([]json.RawMessage, len(objs))
	for i, o := range objs {
		b, err := json.Marshal(o)
		if err != nil {
			return err
		}
		kind := fmt.Appendf(nil, `{"kind":%q,`, o.ObjectKind())
		list[i] = bytes.Replace(b, []byte("{"), kind, 1)
	}
	if one && len(list) == 1 {
		return writeData(w, formatJSON, list[0])
	}
	return writeData(w, formatJSON, list)
}
