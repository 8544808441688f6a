package livequery

import (
	"fmt"
	"time"
)

// Rates is the traffic of an interface between two answers.
type Rates struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	VNet  string `json:"vnet,omitempty"`
	Guest string `json:"guest,omitempty"`
	NIC   string `json:"nic,omitempty"`
	// Over is the time between the answers, by the node's clock.
	Over time.Duration `json:"over"`
	// Received and Sent are bits per second, the others packets per second.
	Received        float64 `json:"received"`
	Sent            float64 `json:"sent"`
	ReceivedPackets float64 `json:"receivedPackets"`
	SentPackets     float64 `json:"sentPackets"`
	Errors          float64 `json:"errors"`
	Dropped         float64 `json:"dropped"`
}

// RatesBetween computes the rates of the interfaces that both of a node's answers have, in the
// order of the later one. An interface whose counters have gone back was created anew and has
// no rate, nor has one without time between its counts.
func RatesBetween(earlier, later []InterfaceCounters) []Rates {
	before := make(map[string]*InterfaceCounters, len(earlier))
	for i := range earlier {
		before[earlier[i].Name] = &earlier[i]
	}
	out := []Rates{}
	for _, c := range later {
		b := before[c.Name]
		if b == nil || !c.Time.After(b.Time) || c.ReceivedBytes < b.ReceivedBytes || c.SentBytes < b.SentBytes {
			continue
		}
		over := c.Time.Sub(b.Time)
		per := func(now, then uint64) float64 { return float64(now-min(then, now)) / over.Seconds() }
		out = append(out, Rates{
			Name: c.Name, Role: c.Role, VNet: c.VNet, Guest: c.Guest, NIC: c.NIC, Over: over,
			Received: 8 * per(c.ReceivedBytes, b.ReceivedBytes), Sent: 8 * per(c.SentBytes, b.SentBytes),
			ReceivedPackets: per(c.ReceivedPackets, b.ReceivedPackets), SentPackets: per(c.SentPackets, b.SentPackets),
			Errors: per(c.Errors, b.Errors), Dropped: per(c.Dropped, b.Dropped),
		})
	}
	return out
}

// BitRate is a rate in bits per second with a decimal prefix and three digits: "1.25 Mbit/s".
func BitRate(bits float64) string {
	unit := "bit/s"
	for _, next := range []string{"kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"} {
		if bits < 999.5 {
			break
		}
		bits, unit = bits/1000, next
	}
	digits := 0
	switch {
	case unit == "bit/s" || bits >= 99.95:
	case bits >= 9.995:
		digits = 1
	default:
		digits = 2
	}
	return fmt.Sprintf("%.*f %s", digits, bits, unit)
}
