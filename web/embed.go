// Package web holds the built web interface. The sources are in src, and the bundle that
// `make web` makes of them is in dist and committed, so that building the program takes Go
// only.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Bundle returns the files of the web interface: index.html, and in assets files with a
// hash of their content in their names.
func Bundle() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil { // the name is a valid path: cannot happen
		panic(err)
	}
	return sub
}
