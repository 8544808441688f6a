package api

// Macro is a name for protocols and ports that rules of firewalls use.
type Macro struct {
	Name string `json:"name"`
	// Description says what it is for.
	Description string `json:"description"`
	// Matches are its alternatives: "tcp/80", "udp/67:68 from 67:68", "icmp/echo-request".
	Matches []string `json:"matches"`
}
