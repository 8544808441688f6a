package api

import "time"

// Credentials request a session. In a session that has not ended, empty ones renew it
// for two hours.
type Credentials struct {
	// User is "name@realm".
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// Link is the secret of a LoginLink, in place of the password.
	Link string `json:"link,omitempty"`
}

// LoginLink admits a user once, without a password.
type LoginLink struct {
	// Minutes is how long it can be used, 1 to 1440; 0 in a request means 60.
	Minutes int `json:"minutes,omitempty"`
	// Secret is sent as Credentials.Link; the web interface does so for the address
	// /login#USER:SECRET. Only the answer has it.
	Secret string `json:"secret,omitempty"`
	// Expires is when it can no longer be used, and Servers are the URLs at which servers
	// are reachable. Only the answer has them.
	Expires time.Time `json:"expires,omitzero"`
	Servers []string  `json:"servers,omitempty"`
}

// Session describes the caller and their permissions.
type Session struct {
	// Author is the name in history and audit: "root@local" for callers at the server's
	// own socket, "bob@pve", "bob@pve!ci".
	Author string `json:"author"`
	// User is "name@realm", and Token the name of the API token that was sent; both are
	// empty for administrators who need no user.
	User  string `json:"user,omitempty"`
	Token string `json:"token,omitempty"`
	// CSRF has to be sent as X-CSRF-Token with every write under the cookie; it is
	// returned to requests with the cookie.
	CSRF string `json:"csrf,omitempty"`
	// Expires is when the new session ends.
	Expires time.Time `json:"expires,omitzero"`
	// Permissions are the paths with any privileges, sorted. Privileges on a path hold
	// below it too as far as they propagate.
	Permissions []Permission `json:"permissions"`
}

// Permission is somebody's privileges on one path.
type Permission struct {
	// Path is "/", "/sdn/zones/ZONE" and so on.
	Path string `json:"path"`
	// Privileges are sorted; those in Propagated hold below the path too.
	Privileges []string `json:"privileges"`
	Propagated []string `json:"propagated,omitempty"`
}
