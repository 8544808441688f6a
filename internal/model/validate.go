package model

// Validate returns the faults of a configuration. Known are the names of the
// nodes that have joined.
func Validate(cfg *Config, known []string) Problems { return nil }

// ValidateGuest returns the faults of a guest; others are all guests by ID.
func ValidateGuest(g *Guest, cfg *Config, known []string, others map[string]*Guest) Problems {
	return nil
}
