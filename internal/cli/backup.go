package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/backup"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Back up the cluster's store to a file",
		Long: `Writes a consistent snapshot of the store of a running server to a file that only its
owner can read: configuration, revisions, addresses, users, and the certificate
authority with its key. It works with the embedded store and with an external etcd, and
needs the server's socket or an administrator's certificate.

The file is verified before it replaces an existing one. It can impersonate the cluster:
protect it like the server. viaduct restore restores it.`,
		Args: args(1, 1, "a file"),
		RunE: func(cmd *cobra.Command, given []string) error { return a.backup(cmd.Context(), given[0]) },
	}
}

func (a *app) backup(ctx context.Context, path string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if err := c.Backup(ctx, f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	info, err := backup.Read(f, nil)
	if err != nil {
		return fmt.Errorf("the backup was not received completely (%w); %s is unchanged: try again", err, path)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return a.write(fmt.Sprintf("%s written: %s of store revision %d, sha256 %s\n", path, count(info.Keys, "key"), info.Revision, info.SHA256))
}
