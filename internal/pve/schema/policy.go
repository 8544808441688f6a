package schema

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// ListEntry formats an entry of a prefix list: "action=permit,prefix=10.0.0.0/8,seq=5".
func ListEntry(e model.PrefixEntry) string {
	text := "action=" + e.Action + ",prefix=" + e.Prefix.String()
	for _, p := range []struct {
		name  string
		value int
	}{{"le", e.Le}, {"ge", e.Ge}, {"seq", e.Seq}} {
		if p.value != 0 {
			text += "," + p.name + "=" + strconv.Itoa(p.value)
		}
	}
	return text
}

// ParseListEntry parses the format of ListEntry. The error is Proxmox's for the
// parameter.
func ParseListEntry(text string) (model.PrefixEntry, error) {
	var e model.PrefixEntry
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		var err error
		switch name {
		case "action":
			e.Action = value
		case "prefix":
			e.Prefix, err = netip.ParsePrefix(value)
		case "le":
			e.Le, err = strconv.Atoi(value)
		case "ge":
			e.Ge, err = strconv.Atoi(value)
		case "seq":
			e.Seq, err = strconv.Atoi(value)
		default:
			return e, refuse("invalid format - %s: unknown part of an entry", clip(part))
		}
		if err != nil {
			return e, refuse("invalid format - %s", clip(part))
		}
	}
	if e.Action != model.ActionPermit && e.Action != model.ActionDeny || !e.Prefix.IsValid() {
		return e, refuse("invalid format - %s: an entry is written like action=permit,prefix=10.0.0.0/8", clip(text))
	}
	return e, nil
}

// Clause formats a condition or an action of a route map, "vni=10100", as Proxmox does:
// "key=vni,value=10100".
func Clause(text string) string {
	key, value := model.SplitClause(text)
	if value == "" {
		return "key=" + key
	}
	return "key=" + key + ",value=" + value
}

// ParseClause parses the format of Clause; keys are the valid ones.
func ParseClause(text string, keys []string) (string, error) {
	key, value := "", ""
	for part := range strings.SplitSeq(text, ",") {
		name, v, found := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "key" && found:
			key = v
		case name == "value" && found:
			value = v
		case !found && key == "":
			key = name
		default:
			return "", refuse("invalid format - %s", clip(text))
		}
	}
	if !slices.Contains(keys, key) {
		return "", refuse("invalid format - %s: the key is one of %s", clip(text), strings.Join(keys, ", "))
	}
	return model.JoinClause(key, value), nil
}

// EntryName returns the name of an entry of a route map: "<map>_<order>".
func EntryName(routeMap string, order int) string { return fmt.Sprintf("%s_%d", routeMap, order) }
