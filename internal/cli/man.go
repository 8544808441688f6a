package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual pages",
		Hidden: true,
		Args:   args(1, 1, "the folder to write to"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := os.MkdirAll(given[0], 0o755); err != nil { // manual pages are world-readable
				return err
			}
			n, err := writeMan(cmd.Root(), given[0])
			if err != nil {
				return err
			}
			return a.write(fmt.Sprintf("%s written to %s\n", count(n, "manual page"), given[0]))
		},
	}
}

// manSections are included in every page, as roff.
const manSections = `.SH EXIT STATUS
.TP
\fB0\fP
done, or nothing to do
.TP
\fB1\fP
failed
.TP
\fB2\fP
wrong usage
.TP
\fB3\fP
plan or diff with \fB--exit-code\fP found changes
.TP
\fB4\fP
done but for what is named: a node is degraded or did not answer in time, or something
was left out
.TP
\fB5\fP
conflict: something changed in between, or other edits are pending
.SH ENVIRONMENT
.TP
\fBVIADUCT_SERVER\fP, \fBVIADUCT_CERT\fP, \fBVIADUCT_KEY\fP, \fBVIADUCT_CA\fP
defaults of \fB--server\fP, \fB--cert\fP, \fB--key\fP and \fB--ca\fP
.TP
\fBVIADUCT_LAB\fP
the lab that is meant: by \fBviaduct lab\fP without \fB--lab\fP, and by all commands without \fB--server\fP and \fBVIADUCT_SERVER\fP
.TP
\fBVIADUCT_LISTEN\fP
addresses that a server listens on, if there is no \fB--listen\fP
.TP
\fBVIADUCT_TOKEN\fP
API token, if there is no \fB--token-file\fP; commands that are run from here do not inherit it
.TP
\fBNO_COLOR\fP
no colours, whatever it is set to
`

// writeMan writes a page for every command and returns their number.
func writeMan(cmd *cobra.Command, dir string) (int, error) {
	written := 0
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		n, err := writeMan(c, dir)
		if err != nil {
			return written, err
		}
		written += n
	}
	var b bytes.Buffer
	cmd.DisableAutoGenTag = true
	if err := doc.GenMan(cmd, &doc.GenManHeader{Section: "1", Source: "Viaduct", Manual: "Viaduct"}, &b); err != nil {
		return written, err
	}
	page := b.String()
	if i := strings.Index(page, ".SH SEE ALSO"); i >= 0 {
		page = page[:i] + manSections + page[i:]
	} else {
		page += manSections
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
	return written + 1, os.WriteFile(filepath.Join(dir, name), []byte(page), 0o644) // manual pages are world-readable
}
