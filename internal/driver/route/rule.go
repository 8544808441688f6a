package route

import (
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// planRules compares the owned rules with the wanted ones; it is pure. Rules are
// added before others are deleted, and none is changed: its properties are its
// identity.
func planRules(have []rtnl.Rule, want []desired.RouteRule) (steps []step) {
	old := make([]diff.Item[rtnl.Rule], len(have))
	for i, r := range have {
		e := desired.RouteRuleEntry(describeRule(r))
		e.Unowned = true
		old[i] = diff.Item[rtnl.Rule]{Entry: e, Value: r}
	}
	wanted := make([]diff.Item[desired.RouteRule], len(want))
	for i, r := range want {
		wanted[i] = diff.Item[desired.RouteRule]{Entry: desired.RouteRuleEntry(r), Value: r}
	}
	var deletions []step
	diff.Each(desired.TypeRouteRule, old, wanted, func(c diff.Change, a *rtnl.Rule, w *desired.RouteRule) {
		if w == nil {
			deletions = append(deletions, step{msg: rtnl.DeleteRule(*a), change: c, remove: true})
			return
		}
		r := rtnl.Rule{Family: unix.AF_INET, Mark: w.Mark, Priority: w.Priority, Table: w.Table, NoDefault: w.NoDefault, Action: unix.FR_ACT_TO_TBL, Protocol: Protocol}
		if w.Family == desired.FamilyIPv6 {
			r.Family = unix.AF_INET6
		}
		if w.Table == 0 {
			r.Action = unix.FR_ACT_UNREACHABLE
		}
		steps = append(steps, step{msg: rtnl.AddRule(r), change: c})
	})
	return append(steps, deletions...)
}

// describeRule converts a rule to the form of the desired state.
func describeRule(r rtnl.Rule) desired.RouteRule {
	d := desired.RouteRule{Mark: r.Mark, Family: desired.FamilyIPv4, Priority: r.Priority, NoDefault: r.NoDefault}
	if r.Family == unix.AF_INET6 {
		d.Family = desired.FamilyIPv6
	}
	if r.Action == unix.FR_ACT_TO_TBL {
		d.Table = r.Table
	}
	return d
}
