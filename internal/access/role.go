package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Roles with special semantics.
const (
	// RoleAdministrator has every privilege.
	RoleAdministrator = "Administrator"
	// RoleNoAccess overrides all other roles on the same path, and what was inherited.
	RoleNoAccess = "NoAccess"
)

// Role is a named list of privileges.
type Role struct {
	// ID is its name.
	ID string
	// Privileges are sorted.
	Privileges []Privilege
	// Builtin roles cannot be changed.
	Builtin bool
	// Revision identifies the state of the role; 0 makes a new one.
	Revision int64
}

// builtin are the roles that always exist.
var builtin = func() map[string]set {
	roles := map[string]set{
		RoleAdministrator: everything,
		RoleNoAccess:      0,
		"PVETemplateUser": named("VM.Clone VM.Audit"),
	}
	for _, f := range families {
		admin, user, audit := named(f.admin), named(f.user), named(f.audit)
		roles["PVE"+f.name+"Admin"] = admin | user | audit
		roles["PVEAdmin"] |= admin | user | audit
		roles["PVEAuditor"] |= audit
		if user != 0 || f.name == "Pool" {
			roles["PVE"+f.name+"User"] = user | audit
		}
	}
	// Mappings refer to hardware of a node: only for subjects with an explicit entry.
	roles["PVEMappingAuditor"] = named("Mapping.Audit")
	roles["PVEAdmin"] &^= named("Mapping.Modify")
	return roles
}()

// checkRole validates a role that is to be stored.
func checkRole(r Role) error {
	object := "role " + r.ID
	if !isName(r.ID, maxName) {
		return invalid("", "role", r.ID, fmt.Sprintf("must be letters, digits, dots, hyphens and underscores, at most %d", maxName))
	}
	if _, ok := builtin[r.ID]; ok {
		return fmt.Errorf("%s is built in, so a change of it is %w: make a role of another name", object, ErrInvalid)
	}
	if strings.HasPrefix(strings.ToUpper(r.ID), "PVE") {
		return invalid(object, "name", r.ID, "names that begin with PVE are those of built-in roles")
	}
	for _, p := range r.Privileges {
		if _, ok := bitOf[p]; !ok {
			return invalid(object, "privilege", string(p), "must be one that exists, such as "+nearPrivilege(p))
		}
	}
	return nil
}

// nearPrivilege proposes privileges in place of one that does not exist: those of the same
// family, or else Viaduct's own.
func nearPrivilege(p Privilege) string {
	name, _, _ := strings.Cut(string(p), ".")
	var near []string
	for _, q := range privileges {
		if f, _, _ := strings.Cut(string(q), "."); strings.EqualFold(f, name) {
			near = append(near, string(q))
		}
	}
	if near == nil {
		near = []string{string(SDNAllocate), string(SDNAudit), string(SDNUse)}
	}
	return strings.Join(near, ", ")
}

func builtinNames() []string { return slices.Sorted(maps.Keys(builtin)) }
