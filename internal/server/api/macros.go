package api

import (
	"net/http"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func macroRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "firewall-macros", id: "listFirewallMacros", group: "Documentation", serve: (*Handler).macros, answer: of[[]api.Macro](), needs: anybody,
		doc: "Lists the macros that rules of firewalls may use, sorted by name.",
	}}
}

func (h *Handler) macros(*request) (any, error) {
	return convert(model.Macros(), func(m model.Macro) api.Macro {
		return api.Macro{Name: m.Name, Description: m.Doc, Matches: convert(m.Matches(), macroText)}
	}), nil
}

// macroText is one alternative of a macro: "udp/67:68 from 67:68".
func macroText(r model.FirewallRule) string {
	text := strings.TrimSuffix(r.Proto+"/"+r.Dport+r.ICMPType, "/")
	if r.Sport != "" {
		text += " from " + r.Sport
	}
	return text
}
