package firewall

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The options of each kind of firewall. Those of hosts belong in no file that is read
// here, but a user may have put them there.
var (
	optionsOfAll        = []string{"enable", "policy_forward", "log_level_forward"}
	optionsOfVNets      = []string{"macfilter", "ipfilter"}
	optionsOfDatacenter = []string{"policy_in", "policy_out", "ebtables", "log_ratelimit"}
	optionsOfHosts      = []string{"log_level_in", "log_level_out"}
)

// isOption reports whether an option is known, even if in another kind of firewall.
func isOption(name string) bool {
	for _, names := range [][]string{optionsOfAll, optionsOfVNets, optionsOfDatacenter, optionsOfHosts} {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// optionReader reads the options of one firewall. A boolean with an unreadable value is
// on, and a policy is DROP; the same is true if they are not set while there is a line
// that may have been meant to set them.
type optionReader struct {
	bad *model.Problems
	set map[string]bool
	// odd are the lines with unknown names.
	odd []line
}

func (o *optionReader) report(l line, format string, args ...any) {
	*o.bad = append(*o.bad, problem(l.number, l.text, format, args...))
}

// split parses a line "name: value"; is is false for any other.
func (l line) split() (name, value string, is bool) {
	name, value, is = strings.Cut(l.text, ":")
	return strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value), is
}

// read parses a line "name: value"; it returns false if the firewall has no such option.
func (o *optionReader) read(f *model.Firewall, l line) bool {
	name, value, _ := l.split()
	if o.set[name] {
		o.report(l, "is given twice: the first one counts")
		return true
	}
	ofVNet := f.ID != model.FirewallDatacenter
	switch {
	case slices.Contains(optionsOfAll, name):
		o.ofAll(f, l, name, value)
	case ofVNet && slices.Contains(optionsOfVNets, name):
		o.ofVNet(f, l, name, value)
	case !ofVNet && slices.Contains(optionsOfDatacenter, name):
		o.ofDatacenter(f, l, name, value)
	default:
		if !isOption(name) {
			o.odd = append(o.odd, l)
		}
		return false
	}
	if o.set == nil {
		o.set = map[string]bool{}
	}
	o.set[name] = true
	return true
}

func (o *optionReader) ofAll(f *model.Firewall, l line, name, value string) {
	switch name {
	case "enable":
		f.Enable = o.parseBool(l, value)
	case "policy_forward":
		f.PolicyForward = o.policy(l, value, "which lets nothing pass", model.FirewallAccept, model.FirewallDrop)
	case "log_level_forward":
		if f.LogLevelForward = value; !slices.Contains(model.LogLevels, value) {
			f.LogLevelForward = ""
			o.report(l, "%q is no log level, one of %s, and was left out", value, strings.Join(model.LogLevels, ", "))
		}
	}
}

func (o *optionReader) ofVNet(f *model.Firewall, l line, name, value string) {
	switch name {
	case "macfilter":
		f.MACFilter = o.parseBool(l, value)
	case "ipfilter":
		f.IPFilter = o.parseBool(l, value)
	}
}

func (o *optionReader) ofDatacenter(f *model.Firewall, l line, name, value string) {
	policies := []string{model.FirewallAccept, model.FirewallDrop, model.FirewallReject}
	switch name {
	case "policy_in":
		f.PolicyIn = o.policy(l, value, "which is kept and has no effect on networks", policies...)
	case "policy_out":
		f.PolicyOut = o.policy(l, value, "which is kept and has no effect on networks", policies...)
	case "ebtables":
		if f.EBTables = "0"; o.parseBool(l, value) {
			f.EBTables = "1"
		}
	case "log_ratelimit":
		_, err := model.ParseLogRateLimit(value)
		if f.LogRateLimit = value; err != nil || value == "" {
			f.LogRateLimit = ""
			o.report(l, "%q is no limit, written like enable=1,rate=1/second,burst=5, and was left out", value)
		}
	}
}

// policy parses a policy, one of these: DROP if it is invalid. means describes the effect of DROP.
func (o *optionReader) policy(l line, value, means string, policies ...string) string {
	p := strings.ToUpper(value)
	if slices.Contains(policies, p) {
		return p
	}
	last := len(policies) - 1
	o.report(l, "%q is no policy, %s or %s; DROP was taken, %s", value, strings.Join(policies[:last], ", "), policies[last], means)
	return model.FirewallDrop
}

// parseBool parses a boolean.
func (o *optionReader) parseBool(l line, value string) bool {
	switch strings.ToLower(value) {
	case "1", "on", "yes", "true":
		return true
	case "0", "off", "no", "false":
		return false
	}
	o.report(l, "%q is not 1 or 0; 1 was taken, so that nothing is less protected", value)
	return true
}

// stray reads a line outside of the known sections, if it has the form of an option of
// the firewall.
func (o *optionReader) stray(of func() *model.Firewall, l line, its []string) bool {
	name, _, is := l.split()
	if !is || !slices.Contains(optionsOfAll, name) && !slices.Contains(its, name) {
		return false
	}
	if o.read(of(), l) {
		o.report(l, "is in no section; it was taken as an option all the same")
	}
	return true
}

// close sets what a line with an unknown name may have been meant to set.
func (o *optionReader) close(f *model.Firewall) {
	for _, l := range o.odd {
		_, value, _ := l.split()
		value = strings.ToUpper(value)
		switch {
		case value == model.FirewallDrop || value == model.FirewallReject:
			if !o.set["policy_forward"] {
				f.PolicyForward = model.FirewallDrop
				o.report(l, "may be the policy, which is not set otherwise: DROP was taken, which lets nothing pass")
			}
		case value != "0" && !o.set["enable"]:
			f.Enable = true
			o.report(l, "may be the switch, which is not set otherwise: enable 1 was taken, so that nothing is less protected")
		}
	}
}
