package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/backup"
	"github.com/viaduct-sdn/viaduct/internal/store/etcd"
)

func restoreCommand() *cobra.Command {
	f := &serverFlags{}
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore a backup into an empty data directory or etcd",
		Long: `Restores a file written by viaduct backup, with the server stopped: into a data
directory that is empty or does not exist, or with --etcd into an etcd cluster without
data of Viaduct. The whole file is verified first; an interrupted restore leaves nothing
that a server would start with, and can be repeated.

Nodes continue with their certificates if they reach the restored server at an address
that they know. The old server must not run any more.`,
		Example: `  viaduct backup /root/viaduct.backup
  viaduct restore /root/viaduct.backup --data /var/lib/viaduct/server
  viaduct restore /root/viaduct.backup --etcd https://10.0.0.1:2379 --etcd-ca ca.pem`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			info, err := restore(cmd.Context(), args[0], f)
			if err != nil {
				return err
			}
			where := "viaduct server --data " + f.data
			if len(f.etcd) > 0 {
				where = "viaduct server --etcd ..."
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d keys restored, as of %s; now start the server: %s\n", info.Keys, info.Created.Format("2006-01-02 15:04:05 MST"), where)
			return nil
		},
	}
	cmd.Flags().StringVar(&f.data, "data", defaultServerData, "directory of the server's state")
	f.registerEtcd(cmd)
	return cmd
}

// restoring is the work directory of a restore, next to the store's own.
const restoring = "store.restoring"

func restore(ctx context.Context, path string, f *serverFlags) (*backup.Info, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if len(f.etcd) > 0 {
		return restoreExternal(ctx, file, f)
	}
	info, err := backup.Read(file, nil) // before anything is created
	if err != nil {
		return nil, fmt.Errorf("%s: %w; nothing was changed", path, err)
	}
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockEmpty(f.data)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	work := filepath.Join(f.data, restoring)
	if err := os.RemoveAll(work); err != nil {
		return nil, err
	}
	if err := fill(ctx, work, file); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), os.RemoveAll(work))
	}
	// From here on it is complete.
	if err := os.Rename(work, filepath.Join(f.data, "store")); err != nil {
		return nil, err
	}
	return info, errors.Join(syncDir(f.data), os.Remove(filepath.Join(f.data, restoreLock)))
}

// restoreLock prevents two concurrent restores into one directory.
const restoreLock = "restore.lock"

// lockEmpty ensures that a data directory has nothing but leftovers of an interrupted
// restore, and that no other process restores into it.
func lockEmpty(dir string) (*os.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() != restoring && e.Name() != restoreLock {
			return nil, fmt.Errorf("%s is not empty (%s): a restore would mix two servers' states; stop the server and move the directory away (mv %s %s.old), or name an empty one with --data",
				dir, e.Name(), dir, dir)
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, restoreLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another restore into %s is running: %w", dir, err), lock.Close())
	}
	return lock, nil
}

// fill restores a file into a store in a new directory.
func fill(ctx context.Context, dir string, file *os.File) error {
	if _, err := file.Seek(0, 0); err != nil {
		return err
	}
	st, err := etcd.OpenEmbedded(ctx, etcd.Embedded{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = backup.Restore(ctx, st, file)
	return errors.Join(err, st.Close())
}

func restoreExternal(ctx context.Context, file *os.File, f *serverFlags) (*backup.Info, error) {
	cfg, err := f.etcdTLS()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(f.data, "admin.key")); err == nil {
		return nil, fmt.Errorf("%s holds the certificates of another cluster: move it away first (mv %s %s.old)", f.data, f.data, f.data)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	st, err := etcd.OpenExternal(ctx, etcd.External{Endpoints: f.etcd, TLS: cfg})
	if err != nil {
		return nil, err
	}
	info, err := backup.Restore(ctx, st, file)
	if errors.Is(err, backup.ErrNotEmpty) {
		err = fmt.Errorf("%w: restore into an etcd that holds nothing below %s, or remove what is there (etcdctl del --prefix %s) once no server uses it", err, etcd.Root, etcd.Root)
	}
	return info, errors.Join(err, st.Close())
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
