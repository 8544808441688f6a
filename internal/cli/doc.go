// Package cli is the command line: one file per verb, and views that turn what
// the server answers into text.
//
// It stands outside the one-way flow, beside the other clients of the API: it
// reads manifests, asks the server through pkg/client, and shows the answers.
// The commands that run a server, an agent or a lab are made elsewhere and
// handed in (Config.Commands).
package cli
