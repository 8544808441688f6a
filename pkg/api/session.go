package api

import "time"

// Credentials ask for a session. Under a session that has not ended, none ask for
// another two hours of it.
type Credentials struct {
	// User is "name@realm".
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
}

// Session tells who makes a request, and what they may do.
type Session struct {
	// Author is the name in history and audit: "root@local" for whoever is at the
	// server's own socket, "bob@pve", "bob@pve!ci".
	Author string `json:"author"`
	// User is "name@realm", and Token the name of the API token that was shown;
	// both are empty for administrators who need no user.
	User  string `json:"user,omitempty"`
	Token string `json:"token,omitempty"`
	// CSRF has to be sent as X-CSRF-Token with every write under the cookie; it is
	// told to whoever shows the cookie.
	CSRF string `json:"csrf,omitempty"`
	// Expires is when the session that was just begun ends.
	Expires time.Time `json:"expires,omitzero"`
	// Permissions are the paths on which anything is permitted, sorted. What is
	// permitted on a path holds below it too as far as it propagates.
	Permissions []Permission `json:"permissions"`
}

// Permission is what somebody may do on one path.
type Permission struct {
	// Path is "/", "/sdn/zones/ZONE" and so on.
	Path string `json:"path"`
	// Privileges are sorted; those in Propagated hold below the path too.
	Privileges []string `json:"privileges"`
	Propagated []string `json:"propagated,omitempty"`
}
