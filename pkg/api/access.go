package api

// User is somebody who may log in.
type User struct {
	// ID is "name@realm", the realm pam or pve.
	ID string `json:"id"`
	// Disabled blocks all access for now.
	Disabled bool `json:"disabled,omitempty"`
	// Expire is when the user's access ends, in seconds since 1970; 0 is never.
	Expire    int64  `json:"expire,omitempty"`
	Comment   string `json:"comment,omitempty"`
	Email     string `json:"email,omitempty"`
	FirstName string `json:"first-name,omitempty"`
	LastName  string `json:"last-name,omitempty"`
	// Groups are sorted; all of them exist.
	Groups []string `json:"groups,omitempty"`
	// Password is true if one was set. In a request it is ignored: a password has a path
	// of its own.
	Password bool `json:"password,omitempty"`
}

// Password is the request that sets a user's password.
type Password struct {
	// Password has 8 to 64 bytes.
	Password string `json:"password"`
	// Current is the current password. Users who change their own have to give it,
	// whatever privileges they have.
	Current string `json:"current,omitempty"`
}

// Group is a set of users.
type Group struct {
	ID      string `json:"id"`
	Comment string `json:"comment,omitempty"`
	// Members are sorted. In a request they are ignored: users are put into groups by
	// their own Groups.
	Members []string `json:"members,omitempty"`
}

// Role is a named list of privileges.
type Role struct {
	ID         string   `json:"id"`
	Privileges []string `json:"privileges"`
	// Builtin roles always exist and cannot be changed.
	Builtin bool `json:"builtin,omitempty"`
}

// Privilege is what a role can hold.
type Privilege struct {
	// ID is its name: "SDN.Audit".
	ID string `json:"id"`
	// Allows is what it is for; empty for one that only Proxmox VE uses.
	Allows string `json:"allows,omitempty"`
}

// UserToken is an API token: with it a program acts for a user without the password.
type UserToken struct {
	// User is the token's owner, Name its own name: together they are "user@realm!name".
	User string `json:"user"`
	Name string `json:"name"`
	// Expire is when the token expires, in seconds since 1970; 0 is never.
	Expire  int64  `json:"expire,omitempty"`
	Comment string `json:"comment,omitempty"`
	// AllPrivileges gives the token all privileges of its user. Otherwise, it has only
	// those of them that are granted to the token itself (what Proxmox VE calls
	// privilege separation).
	AllPrivileges bool `json:"all-privileges,omitempty"`
	// Secret is only in the answer to the token's creation.
	Secret string `json:"secret,omitempty"`
}

// ID is "user@realm!name".
func (t UserToken) ID() string { return t.User + "!" + t.Name }

// ACLEntry grants a role on a path to a user, a group or a token.
type ACLEntry struct {
	// Path is "/", "/sdn", "/sdn/zones/ZONE" and so on.
	Path string `json:"path"`
	// Type is user, group or token; Subject is its ID.
	Type    string `json:"type"`
	Subject string `json:"subject"`
	Role    string `json:"role"`
	// Propagate makes the entry apply below the path too.
	Propagate bool `json:"propagate,omitempty"`
}

// ACLEdit adds and deletes permissions, all or none. Those to be deleted need not exist;
// their Propagate is ignored.
type ACLEdit struct {
	Add    []ACLEntry `json:"add,omitempty"`
	Delete []ACLEntry `json:"delete,omitempty"`
}

// ACLResult is the result of an ACLEdit.
type ACLResult struct {
	// Deleted is how many of the entries to be deleted existed.
	Deleted int `json:"deleted"`
}
