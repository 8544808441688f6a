package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/config"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// maxImport bounds an imported file, in bytes.
const maxImport = 16 << 20

func (a *app) importCommand() *cobra.Command {
	var dryRun bool
	pve := &cobra.Command{
		Use:   "pve FOLDER",
		Short: "Import a Proxmox VE SDN configuration",
		Long: `Reads a directory like /etc/pve/sdn of Proxmox VE. Zones, VNets, subnets, controllers,
fabrics, prefix lists and route maps become pending. IPAM and DNS systems, firewalls of
VNets and that of the datacenter (cluster.fw, in the directory or in ../firewall) with
its aliases, IP sets and security groups take effect at once. Objects that exist only in
Viaduct stay.

What cannot be imported is left out, together with what refers to it, and reported with
file and line; the exit status is then 4. Firewalls never permit more because of that: a
dropping rule that cannot be imported completely drops more instead.

  scp -r pve1:/etc/pve/sdn sdn
  viaduct import pve sdn
  viaduct plan`,
		Args: args(1, 1, "a folder"),
		RunE: func(cmd *cobra.Command, given []string) error { return a.importPVE(cmd.Context(), given[0], dryRun) },
	}
	pve.Flags().BoolVar(&dryRun, "dry-run", false, "check everything without changes")
	cmd := &cobra.Command{Use: "import", Short: "Import the configuration of another system", Args: cobra.NoArgs}
	cmd.AddCommand(pve)
	return cmd
}

func (a *app) importPVE(ctx context.Context, folder string, dryRun bool) error {
	files, err := readFolder(folder)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	dir := config.Read(files)
	res, err := importDirectory(ctx, c, dir, dryRun)
	if err != nil {
		return err
	}
	v := planView{style: a.style(a.Stdout), now: a.Now()}
	text := v.changes(res.Changes, "") + v.warnings(res.Warnings)
	left, told := a.findings(dir.Findings())
	text += told + a.importSummary(folder, files, dir, res, dryRun)
	if err := a.write(text); err != nil {
		return err
	}
	return incomplete(left)
}

// importDirectory imports what the server accepts of a directory: it omits refused
// objects until the server accepts the rest at once.
func importDirectory(ctx context.Context, c *client.Client, dir *config.Directory, dryRun bool) (*api.EditResult, error) {
	existing, err := fetch(ctx, c, "pending")
	if err != nil {
		return nil, err
	}
	running, err := c.List(ctx, model.KindVNet, "running")
	if err != nil {
		return nil, err
	}
	for _, o := range running { // firewalls may belong to them until the next apply
		if existing.Get(model.KindVNet, o.ObjectID()) == nil {
			existing.Set(o)
		}
	}
	for {
		dir.Settle(existing)
		var edits []api.Edit
		for _, kind := range model.Kinds() {
			for _, o := range dir.Config.List(kind) {
				edits = append(edits, api.Edit{Put: o})
			}
		}
		res, err := c.EditLax(ctx, edits, dryRun)
		var refused *api.Error
		if err == nil || !errors.As(err, &refused) || len(refused.Problems) == 0 {
			return res, err
		}
		if dir.LeaveOut(refused.Problems) {
			continue
		}
		// The refused object is not in the directory, but results from one that is.
		culprit, why, found := refusedEdit(ctx, c, edits)
		if !found || !dir.LeaveOut(because(culprit, why)) {
			return nil, explain(err, nil)
		}
	}
}

// refusedEdit finds the first of the edits, in the order of their dependencies, that
// makes the server refuse them.
func refusedEdit(ctx context.Context, c *client.Client, edits []api.Edit) (culprit model.Object, why []api.Problem, found bool) {
	n := sort.Search(len(edits), func(i int) bool {
		_, err := c.EditLax(ctx, edits[:i+1], true)
		var refused *api.Error
		if !errors.As(err, &refused) || len(refused.Problems) == 0 {
			return false
		}
		why = refused.Problems
		return true
	})
	if n == len(edits) {
		return nil, nil, false
	}
	return edits[n].Put, why, true
}

// because returns problems of other objects as problems of the object that causes them.
func because(o model.Object, why []api.Problem) model.Problems {
	return model.Problems{{Severity: model.Error, Kind: o.ObjectKind(), ID: o.ObjectID(), Message: "does not go together with what is here: " + why[0].String()}}
}

// findings formats findings, one a line; left counts the omitted objects.
func (a *app) findings(all []config.Finding) (left int, text string) {
	s := a.style(a.Stdout)
	for _, f := range all {
		if f.Left {
			left++
			text += s.red("not imported as it is: "+f.String()) + "\n"
		} else {
			text += s.yellow("warning: "+f.String()) + "\n"
		}
	}
	return left, text
}

// incomplete is the error of a command that omitted something and has reported it.
func incomplete(left int) error {
	if left == 0 {
		return nil
	}
	return &exitError{ExitDegraded, fmt.Errorf("incomplete: %s not imported as it is (see above); everything else was", count(left, "thing"))}
}

// importSummary reports what was imported, what was not, and the next step.
func (a *app) importSummary(folder string, files map[string]string, dir *config.Directory, res *api.EditResult, dryRun bool) string {
	var b strings.Builder
	if _, ok := files[".running-config"]; ok && !dir.Applied {
		fmt.Fprintf(&b, "in %s not everything was applied: imported is the configuration there, not what is running there\n", folder)
	}
	switch {
	case dryRun:
		b.WriteString("nothing was changed\n")
	case len(res.Changes) == 0:
		b.WriteString("no change\n")
	default:
		b.WriteString(count(res.Pending, "change") + " pending: see viaduct plan, then run viaduct apply\n")
	}
	return b.String()
}

// readFolder reads the relevant files of a folder.
func readFolder(folder string) (map[string]string, error) {
	files := map[string]string{}
	paths := map[string]string{}
	for _, name := range append(config.Files(), config.ClusterFirewall) {
		paths[name] = filepath.Join(folder, name)
	}
	if _, err := os.Stat(paths[config.ClusterFirewall]); err != nil { // where Proxmox VE has it
		paths[config.ClusterFirewall] = filepath.Join(folder, "..", "firewall", config.ClusterFirewall)
	}
	firewalls, err := os.ReadDir(filepath.Join(folder, config.Firewalls))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{ExitUsage, err}
	}
	for _, f := range firewalls {
		if strings.HasSuffix(f.Name(), ".fw") {
			paths[config.Firewalls+"/"+f.Name()] = filepath.Join(folder, config.Firewalls, f.Name())
		}
	}
	for name, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && info.Size() > maxImport {
			return nil, &exitError{ExitUsage, fmt.Errorf("%s has %d bytes, more than the %d that such a file may have", path, info.Size(), maxImport)}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, &exitError{ExitUsage, err}
		}
		files[name] = string(b)
	}
	if len(files) == 0 {
		return nil, &exitError{ExitUsage, fmt.Errorf("%s holds none of %s: name a copy of /etc/pve/sdn", folder, strings.Join(config.Files(), ", "))}
	}
	return files, nil
}

func (a *app) exportCommand() *cobra.Command {
	pve := &cobra.Command{
		Use:   "pve FOLDER",
		Short: "Export a Proxmox VE SDN configuration",
		Long: `Writes the pending configuration as the files of a folder like /etc/pve/sdn of
Proxmox VE, and the running one as its .running-config. The directory must be empty or
not exist. What Proxmox VE cannot express is left out and reported, and the exit status
is 4.`,
		Args: args(1, 1, "a folder"),
		RunE: func(cmd *cobra.Command, given []string) error { return a.exportPVE(cmd.Context(), given[0]) },
	}
	cmd := &cobra.Command{Use: "export", Short: "Export the configuration"}
	cmd.AddCommand(a.exportManifestsCommand(), pve)
	return cmd
}

func (a *app) exportPVE(ctx context.Context, folder string) error {
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		return &exitError{ExitUsage, fmt.Errorf("%s is not empty: name a new folder, so that nothing is overwritten", folder)}
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	status, err := c.Status(ctx, "")
	if err != nil {
		return err
	}
	dir := &config.Directory{Version: status.Revision}
	if dir.Config, err = fetch(ctx, c, "pending"); err != nil {
		return err
	}
	running, err := fetch(ctx, c, "running")
	if err != nil {
		return err
	}
	if status.Revision == 0 {
		running = nil
	}
	files, err := config.Write(dir, running)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text := ""
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := renameio.WriteFile(path, []byte(files[name]), 0o640); err != nil {
			return err
		}
		text += "wrote " + path + "\n"
	}
	if text == "" {
		text = "nothing to export: no object exists in Proxmox VE as well\n"
	}
	left, told := a.findings(config.Unrepresentable(dir.Config))
	if err := a.write(text + told); err != nil {
		return err
	}
	return incomplete(left)
}

// fetch reads a whole configuration.
func fetch(ctx context.Context, c *client.Client, view string) (*model.Config, error) {
	cfg := &model.Config{}
	for _, kind := range model.Kinds() {
		if kind == model.KindGuest {
			continue
		}
		objects, err := c.List(ctx, kind, view)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if err := cfg.Put(o); err != nil {
				return nil, err
			}
		}
	}
	return cfg, nil
}
