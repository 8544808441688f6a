package model

import "strconv"

// SecurityGroup is a list of rules for use in firewalls.
type SecurityGroup struct {
	// ID is 2 to 20 lower-case letters, digits, - and _, a letter first.
	ID      string         `json:"id"`
	Comment string         `json:"comment,omitempty"`
	Rules   []FirewallRule `json:"rules,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// KindSecurityGroup is the kind of SecurityGroup.
const KindSecurityGroup Kind = "security-group"

func securityGroupKind() *Descriptor {
	return &Descriptor{
		Kind:      KindSecurityGroup,
		Live:      true,
		checkLive: checkingFirewall((*firewallChecker).group),
		slot:      in(func(c *Config) *map[string]*SecurityGroup { return &c.SecurityGroups }),
		Doc:       "Firewall rules that firewalls refer to by one name.",
		Example: `kind: security-group
id: web
rules:
  - {type: forward, action: ACCEPT, macro: HTTP}
  - {type: forward, action: ACCEPT, macro: HTTPS}
`,
		Permissions: []Permission{clusterPermission()},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 to 20 lower-case letters, digits, - and _", Pattern: groupForm.String()},
			{Name: "comment", Doc: "description"},
			{Name: "rules", Doc: "the first that a packet matches decides", MaxItems: MaxRules, Items: ruleItems()},
		},
		Columns: []Column{
			column("SECURITY-GROUP", func(g *SecurityGroup) string { return g.ID }),
			column("RULES", func(g *SecurityGroup) string { return strconv.Itoa(len(g.Rules)) }),
			column("COMMENT", func(g *SecurityGroup) string { return g.Comment }),
		},
	}
}

// ObjectKind implements Object.
func (*SecurityGroup) ObjectKind() Kind { return KindSecurityGroup }

// ObjectID implements Object.
func (g *SecurityGroup) ObjectID() string { return g.ID }
