package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

func (a *app) auditCommand() *cobra.Command {
	var (
		output string
		query  client.AuditQuery
	)
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List writes by user, newest first",
		Long: `Lists writes through the native API: who, from where, and the result (ok, or the
reason of the refusal). The newest 10,000 are kept, and in addition the newest 2,000
refusals; equal ones within a minute are counted. The log contains neither secrets nor
the written values.

With --audit-file or --audit-syslog the server keeps all entries permanently.`,
		Example: `  viaduct audit --user bob@pve
  viaduct audit -n 1000 -o json`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			entries, err := c.Audit(cmd.Context(), query)
			if err != nil {
				return err
			}
			empty := "no entries"
			if query.User != "" || query.After != "" {
				empty = "no matching entries; viaduct audit without flags shows the newest"
			}
			l := listing[api.AuditEntry]{
				empty:  empty,
				header: []string{"WHEN", "BY", "FROM", "WHAT", "OF", "RESULT"},
				row: func(e api.AuditEntry) []string {
					from := e.From
					if from == "" {
						from = "socket"
					}
					return []string{ago(a.Now(), e.Time), e.Author, from, e.Operation, auditTarget(e), auditResult(e)}
				},
				name: func(e api.AuditEntry) string { return e.ID },
			}
			return l.write(a, output, entries)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&query.Limit, "limit", "n", 20, "number of entries, 1 to 1000")
	f.StringVar(&query.User, "user", "", "only entries of this user or token, as shown in the list")
	f.StringVar(&query.After, "after", "", "only entries older than the one with this ID (shown by -o name)")
	outputFlag(cmd, &output, formatTable, formatJSON, formatYAML, formatName)
	return cmd
}

// auditTarget is the subject of an entry: the objects of a batch, or else the path.
func auditTarget(e api.AuditEntry) string {
	const most = 3
	switch n := len(e.Objects); {
	case n > most:
		return strings.Join(e.Objects[:most], " ") + " and " + strconv.Itoa(n-most) + " more"
	case n > 0:
		return strings.Join(e.Objects, " ")
	}
	return strings.TrimPrefix(e.Target, "/api/v1/")
}

func auditResult(e api.AuditEntry) string {
	if e.Error == "" {
		return "ok"
	}
	if e.Count > 0 {
		return e.Error + " (" + strconv.Itoa(e.Count) + " times more)"
	}
	return e.Error
}
