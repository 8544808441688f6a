// Package cli is the command line: one file per command, and views that turn the
// server's answers into text.
//
// It is outside the one-way flow, like the other clients of the API: it reads manifests,
// calls the server through pkg/client, and shows the answers. The commands that run a
// server, an agent or a lab are built elsewhere and passed in (Config.Commands).
package cli
