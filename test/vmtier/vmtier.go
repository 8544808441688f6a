// Package vmtier marks the tests that need a kernel with everything a
// distribution's has. They run in a virtual machine (make test-vm), because the
// kernels of containers and of small hosts often lack VLAN devices, VRFs, dummy
// devices or VLAN filtering. It stands beside the code and is imported by tests
// only.
package vmtier

import (
	"os"
	"testing"
)

// Require lets a test go on in the VM tier only, that is with VIADUCT_VM=1 in the
// environment. There, a feature that is missing fails the test.
func Require(t *testing.T) {
	t.Helper()
	if os.Getenv("VIADUCT_VM") != "1" {
		t.Skip("runs in the VM tier (make test-vm)")
	}
}
