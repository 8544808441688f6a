package access

import (
	"fmt"
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	th := newThrottle()
	now := noon
	for i := range freeUser {
		if w := th.wait("bob@pve", "192.0.2.1:1000", now); w != 0 {
			t.Fatalf("after %d failures: wait %s", i, w)
		}
		th.fail("bob@pve", "192.0.2.1:1000", now)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if w := th.wait("bob@pve", fmt.Sprintf("192.0.2.1:%d", want), now); w != want*time.Second {
			t.Errorf("wait %s, want %d s", w, want)
		}
		if w := th.wait("bob@pve", fmt.Sprintf("198.51.100.%d:1", want), now); w != 0 {
			t.Errorf("elsewhere the user waits %s for failures of others", w)
		}
		now = now.Add(want * time.Second)
		if w := th.wait("bob@pve", "192.0.2.1", now); w != 0 {
			t.Errorf("having waited: %s", w)
		}
		th.fail("bob@pve", "192.0.2.1:2000", now)
	}
	if w := th.wait("eve@pve", "192.0.2.1:1", now); w != 0 {
		t.Errorf("another user waits %s", w)
	}
	if w := th.wait("bob@pve", "192.0.2.1", now.Add(-time.Hour)); w > mostUser {
		t.Errorf("with the clock set back: %s", w)
	}
	th.succeed("bob@pve", "192.0.2.1:9")
	if w := th.wait("bob@pve", "192.0.2.1", now); w != 0 {
		t.Errorf("after a success: %s", w)
	}
}

func TestThrottleByAddress(t *testing.T) {
	th := newThrottle()
	for i := range freeAddress + 3 {
		th.fail(fmt.Sprintf("u%d@pve", i), fmt.Sprintf("[2001:db8:0:1::%x]:99", i), noon)
		th.succeed(fmt.Sprintf("u%d@pve", i), fmt.Sprintf("[2001:db8:0:1::%x]:99", i))
	}
	for from, want := range map[string]time.Duration{
		"[2001:db8:0:1:ffff::1]:5": 8 * time.Second, "2001:db8:0:1::": 8 * time.Second, "[2001:db8:0:2::1]:5": 0, "192.0.2.1:5": 0,
	} {
		if w := th.wait("other@pve", from, noon); w != want {
			t.Errorf("from %s: wait %s, want %s", from, w, want)
		}
	}
	if w := th.wait("other@pve", "2001:db8:0:1::1", noon.Add(forgetAfter+1)); w != 0 {
		t.Errorf("long after: %s", w)
	}
	if network("::ffff:192.0.2.1") != network("192.0.2.1:80") {
		t.Error("an address counts as two")
	}
}
