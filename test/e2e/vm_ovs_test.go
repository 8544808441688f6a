package e2e

import "testing"

// The manual's "VLAN Setup Example" on a bridge of Open vSwitch, with the kernel's
// datapath.
func TestVMOVSVLAN(t *testing.T) {
	needsVM(t)
	ovsVLAN(t, inKernel)
}

// The manual's "QinQ Setup Example" on bridges of Open vSwitch.
func TestVMOVSQinQ(t *testing.T) {
	needsVM(t)
	for _, tt := range []struct {
		name, datapath, protocol string
		mtu                      int
	}{
		{"kernel", inKernel, "", 1496},
		{"kernel, 802.1ad", inKernel, "802.1ad", 1496},
		{"user space", userspace, "", 1496},
		{"user space, 802.1ad", userspace, "802.1ad", 1492},
	} {
		t.Run(tt.name, func(t *testing.T) { ovsQinQ(t, tt.datapath, tt.protocol, tt.mtu) })
	}
}
