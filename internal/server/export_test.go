package server

import "time"

// RefreshEvery sets how often the administrator's certificate is looked at.
func RefreshEvery(d time.Duration) func(*Config) { return func(c *Config) { c.refresh = d } }

// HostName sets the name of the host that the server runs on.
func HostName(name string) func(*Config) {
	return func(c *Config) { c.hostname = func() (string, error) { return name, nil } }
}
