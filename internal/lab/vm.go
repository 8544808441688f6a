package lab

import (
	"context"
	_ "embed" // the scripts of the virtual machine
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The scripts that boot a virtual machine, which the tests use too.
var (
	//go:embed vm/boot
	bootScript []byte
	//go:embed vm/kernel
	kernelScript []byte
)

// VM is a virtual machine with a distribution's kernel, for labs with networks that this
// machine's kernel cannot make. Its root is this machine's, read-only below a layer in memory:
// changes in it are lost at its end. It does not need KVM; without, it is some ten times
// slower.
type VM struct {
	// Memory is the machine's memory in MiB.
	Memory int
	// Cache is the directory for downloaded kernels.
	Cache string
	// Progress receives a line for each step.
	Progress io.Writer
}

// vmPrograms are the programs needed for booting, and their Debian packages.
var vmPrograms = [][2]string{
	{"qemu-system-x86_64", "qemu-system-x86"}, {"busybox", "busybox-static"}, {"cpio", "cpio"}, {"xz", "xz-utils"}, {"modprobe", "kmod"},
}

// Run makes a lab in a virtual machine, by `viaduct lab` with the arguments, and
// runs a shell there: interactively if stdin is a terminal, otherwise on the
// commands from stdin. The machine, and the lab, end with it. The status is the
// shell's.
func (v VM) Run(ctx context.Context, binary string, args []string, stdin *os.File, terminal bool) (status int, err error) {
	var missing []string
	for _, p := range vmPrograms {
		if _, err := exec.LookPath(p[0]); err != nil {
			missing = append(missing, p[1])
		}
	}
	if len(missing) > 0 {
		return 0, fmt.Errorf("a virtual machine needs %s: apt install %[1]s", strings.Join(missing, " "))
	}
	if os.Geteuid() != 0 {
		return 0, errors.New("the virtual machine has this machine's root, all of which only root can read: run it with sudo")
	}
	dir, err := os.MkdirTemp("", "viaduct-lab-vm")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	boot, kernel := filepath.Join(dir, "boot"), filepath.Join(dir, "kernel")
	if err := errors.Join(os.WriteFile(boot, bootScript, 0o700), os.WriteFile(kernel, kernelScript, 0o700)); err != nil {
		return 0, err
	}
	find := exec.CommandContext(ctx, "sh", kernel, v.Cache)
	find.Stderr = v.Progress
	where, err := find.Output()
	if err != nil {
		return 0, fmt.Errorf("find a kernel with modules: %w", err)
	}
	argv := []string{boot, "-k", strings.TrimSpace(string(where)), "-m", fmt.Sprint(v.Memory), "-t", "86400"}
	script := `"$@" || exit; echo 'the lab and this machine end with this shell'; exec sh -i`
	if terminal {
		argv = append(argv, "-i")
	} else {
		commands, err := io.ReadAll(stdin)
		if err != nil {
			return 0, fmt.Errorf("read the commands for the virtual machine: %w", err)
		}
		script = "\"$@\" || exit\n" + string(commands)
	}
	fmt.Fprintln(v.Progress, "booting a virtual machine")
	argv = append(argv, "--", "sh", "-e", "-c", `PATH=$1:$PATH; export PATH; shift; eval "$0"`, script, filepath.Dir(binary), binary, "lab")
	cmd := exec.CommandContext(ctx, "bash", append(argv, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, os.Stdout, v.Progress
	if err := cmd.Run(); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
			return exit.ExitCode(), nil
		}
		return 0, fmt.Errorf("the virtual machine: %w", err)
	}
	return 0, nil
}
