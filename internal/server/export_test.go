package server

import "time"

// RefreshEvery sets how often the administrator's certificate is looked at.
func RefreshEvery(d time.Duration) func(*Config) { return func(c *Config) { c.refresh = d } }
