// Package docs holds the documentation, which the server shows beside the web interface.
package docs

import "embed"

// Files are the pages, in Markdown, and their images.
//
//go:embed *.md */*.md */*/*.md images
var Files embed.FS
