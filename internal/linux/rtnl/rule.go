package rtnl

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// Rule is a rule of policy routing for packets with a mark (ip-rule(8), fwmark).
type Rule struct {
	// Family is unix.AF_INET or unix.AF_INET6.
	Family uint8
	// Mark is the whole mark, without a mask.
	Mark uint32
	// Priority orders the rules; the smallest comes first.
	Priority uint32
	// Table is the number of the routing table for the lookup; 0 for a rule of another
	// action.
	Table int
	// NoDefault ignores the table's default route (suppress_prefixlength 0).
	NoDefault bool
	// Action is what to do (FR_ACT_*), Protocol the origin of the rule (RTPROT_*).
	Action   uint8
	Protocol uint8
}

// fibRuleHeader is the size of struct fib_rule_hdr, the fixed part of a rule message.
const fibRuleHeader = 12

func ruleMessage(typ, flags uint16, r Rule) *Message {
	b := make([]byte, fibRuleHeader)
	b[0], b[7] = r.Family, r.Action
	m := NewMessage(typ, flags, b)
	m.Uint32(unix.FRA_FWMARK, r.Mark)
	m.Uint32(unix.FRA_FWMASK, 0xffffffff)
	m.Uint32(unix.FRA_PRIORITY, r.Priority)
	m.Uint8(unix.FRA_PROTOCOL, r.Protocol)
	if r.Table != 0 {
		m.Uint32(unix.FRA_TABLE, uint32(r.Table))
	}
	if r.NoDefault {
		m.Uint32(unix.FRA_SUPPRESS_PREFIXLEN, 0)
	}
	return m
}

// AddRule builds the request that adds a rule; the kernel answers EEXIST if there is an
// equal one.
func AddRule(r Rule) *Message {
	return ruleMessage(unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, r)
}

// DeleteRule builds the request that removes a rule.
func DeleteRule(r Rule) *Message { return ruleMessage(unix.RTM_DELRULE, 0, r) }

// Rules lists the rules of both families with a protocol.
func (c *Conn) Rules(ctx context.Context, protocol uint8) ([]Rule, error) {
	var out []Rule
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		var part []Rule
		err := c.dump(ctx,
			func() *Message {
				b := make([]byte, fibRuleHeader)
				b[0] = family
				return NewMessage(unix.RTM_GETRULE, 0, b)
			},
			func() { part = part[:0] },
			func(typ uint16, payload []byte) {
				if typ != unix.RTM_NEWRULE || len(payload) < fibRuleHeader {
					return
				}
				if r := parseRule(payload); r.Protocol == protocol {
					part = append(part, r)
				}
			})
		if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) { // a kernel without IPv6 has no IPv6 rules
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// parseRule decodes an RTM_NEWRULE message.
func parseRule(b []byte) Rule {
	r := Rule{Family: b[0], Table: int(b[4]), Action: b[7]}
	attrs(b[fibRuleHeader:], func(typ uint16, d []byte) {
		switch typ {
		case unix.FRA_FWMARK:
			r.Mark = u32(d)
		case unix.FRA_PRIORITY:
			r.Priority = u32(d)
		case unix.FRA_TABLE:
			r.Table = int(u32(d))
		case unix.FRA_SUPPRESS_PREFIXLEN: // all ones: not set
			r.NoDefault = u32(d) == 0
		case unix.FRA_PROTOCOL:
			r.Protocol = d[0]
		}
	})
	return r
}
