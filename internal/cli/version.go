package cli

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	var onlyClient bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the versions of this program and of the server",
		Args:  args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.write(fmt.Sprintf("viaduct %s (%s, %s/%s)\n", a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)); err != nil || onlyClient {
				return err
			}
			c, err := a.client()
			if err != nil {
				return a.write("server  none found on this host\n")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second)
			defer cancel()
			v, err := c.Version(ctx)
			if err != nil {
				return err
			}
			return a.write(fmt.Sprintf("server  %s (API %d)\n", v.Version, v.API))
		},
	}
	cmd.Flags().BoolVar(&onlyClient, "client", false, "do not contact the server")
	return cmd
}
