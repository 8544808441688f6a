package livequery

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRatesBetween(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	count := func(name string, after time.Duration, bytes uint64) InterfaceCounters {
		return InterfaceCounters{Name: name, Role: RoleGuest, Time: at.Add(after), ReceivedBytes: bytes, ReceivedPackets: bytes / 100, SentBytes: 2 * bytes, Dropped: bytes / 1000}
	}
	got := RatesBetween(
		[]InterfaceCounters{count("still", 0, 500), count("busy", 0, 1000), count("recreated", 0, 9000), count("deleted", 0, 1), count("same answer", 0, 1)},
		[]InterfaceCounters{count("busy", 4*time.Second, 5000), count("still", 4*time.Second, 500), count("recreated", 4*time.Second, 10), count("new", 4*time.Second, 10), count("same answer", 0, 1)})
	want := []Rates{
		{Name: "busy", Role: RoleGuest, Over: 4 * time.Second, Received: 8000, Sent: 16000, ReceivedPackets: 10, Dropped: 1},
		{Name: "still", Role: RoleGuest, Over: 4 * time.Second},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBitRate(t *testing.T) {
	for bits, want := range map[float64]string{
		0: "0 bit/s", 999.4: "999 bit/s", 999.5: "1.00 kbit/s", 1.25e6: "1.25 Mbit/s", 9.996e6: "10.0 Mbit/s", 99.96e6: "100 Mbit/s", 999.6e6: "1.00 Gbit/s", 4e15: "4000 Tbit/s",
	} {
		if got := BitRate(bits); got != want {
			t.Errorf("%g: %q, want %q", bits, got, want)
		}
	}
}
