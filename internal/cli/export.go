package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/manifest"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// exportOptions are the flags of export manifests.
type exportOptions struct {
	folder, view string
	secrets      bool
}

func (a *app) exportManifestsCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "manifests FOLDER",
		Short: "Export all objects as manifests",
		Long: `Writes all objects as manifests, one file per kind, ready for viaduct apply -f. The
directory may be new, empty, or that of an earlier export (its files are replaced).

Secrets of ipams and dns are left out and reported, and the exit status is 4. A server
that has the object keeps its secret when the manifest is applied; elsewhere complete
the manifest first. With --secrets they are included, if you may read them, in files
that only their owner can read.`,
		Args: args(1, 1, "a folder"),
		RunE: func(cmd *cobra.Command, given []string) error {
			o.folder = given[0]
			return a.exportManifests(cmd.Context(), o)
		},
	}
	viewFlag(cmd, &o.view)
	cmd.Flags().BoolVar(&o.secrets, "secrets", false, "include secrets")
	return cmd
}

// exportMark is the first line of an export's files: only those are replaced.
const exportMark = "# Written by viaduct export manifests"

func (a *app) exportManifests(ctx context.Context, o exportOptions) error {
	if err := exportable(o.folder); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	a.allKinds = true
	files, left, objects, err := manifests(ctx, c, o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.folder, 0o755); err != nil { // secrets in it are in separate files
		return err
	}
	for _, kind := range model.Kinds() {
		path := filepath.Join(o.folder, kind.Plural()+".yaml")
		if files[kind] == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := renameio.WriteFile(path, files[kind], 0o600); err != nil {
			return err
		}
	}
	if err := a.write(fmt.Sprintf("%s written to %s\n", count(objects, "object"), o.folder)); err != nil || len(left) == 0 {
		return err
	}
	hint := "--secrets includes them, with permission to change the objects"
	if o.secrets {
		hint = "they are shown only with permission to change the objects"
	}
	return &exitError{ExitDegraded, fmt.Errorf("secrets left out: %s; %s", strings.Join(left, ", "), hint)}
}

// exportable refuses a folder with manifests that are not those of an export.
func exportable(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || !manifest.IsManifest(e.Name()) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(b, []byte(exportMark)) {
			return &exitError{ExitUsage, fmt.Errorf("%s contains a manifest that was not exported, %s: name a new folder, so that nothing is overwritten", folder, e.Name())}
		}
	}
	return nil
}

// manifests makes a file of the objects of each kind that has any, and names what is
// omitted. The built-in ipam, which every server has, is not a declared object.
func manifests(ctx context.Context, c *client.Client, o exportOptions) (files map[model.Kind][]byte, left []string, objects int, err error) {
	files = make(map[model.Kind][]byte)
	for _, kind := range model.Kinds() {
		objs, err := c.List(ctx, kind, o.view)
		if err != nil {
			return nil, nil, 0, err
		}
		objs = slices.DeleteFunc(objs, func(o model.Object) bool { return kind == model.KindIPAM && o.ObjectID() == model.IPAMBuiltin })
		if len(objs) == 0 {
			continue
		}
		objects += len(objs)
		b := bytes.NewBufferString(exportMark + ": " + kind.Plural() + ".\n")
		for i, obj := range objs {
			if !o.secrets {
				obj = model.WithoutSecrets(obj)
			}
			text, err := manifest.Marshal([]model.Object{obj})
			if err != nil {
				return nil, nil, 0, err
			}
			if i > 0 {
				b.WriteString("---\n")
			}
			b.Write(text)
			for _, name := range model.LackingSecrets(obj) {
				left = append(left, name+" of "+string(kind)+" "+obj.ObjectID())
				fmt.Fprintf(b, "# %s: secret, left out; a server that has this %s keeps its own\n", name, kind)
			}
		}
		files[kind] = b.Bytes()
	}
	return files, left, objects, nil
}
