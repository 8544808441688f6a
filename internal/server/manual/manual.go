// Package manual renders the documentation as HTML, so that a server shows the pages of its own
// release without access to the internet.
package manual

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Policy is the Content-Security-Policy of the pages: one style sheet and images of this server,
// and nothing else.
const Policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Index is the first page.
const Index = "index.md"

// Repository is where files are that links lead to outside of the documentation.
const Repository = "https://github.com/viaduct-sdn/viaduct/blob/main/"

//go:embed style.css
var style []byte

// page is the frame of every page.
var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} · Viaduct documentation</title>
<link rel="stylesheet" href="{{.Up}}style.css">
</head>
<body>
<header><a href="{{.Up}}index.md">Viaduct documentation</a> <a href="/">Web interface</a></header>
<main>
{{.Body}}
</main>
</body>
</html>
`))

// Pages returns the files of the documentation by their paths; each is rendered when its content
// is first asked for. Pages keep the paths of their sources, so that links between them hold.
func Pages(files fs.FS) (map[string]func() []byte, error) {
	out := map[string]func() []byte{"style.css": func() []byte { return style }}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		out[name] = func() []byte { return content }
		if path.Ext(name) == ".md" {
			out[name] = sync.OnceValue(func() []byte { return render(name, content) })
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the documentation: %w", err)
	}
	return out, nil
}

// markdown is GitHub's dialect as far as the pages use it. Raw HTML in them is dropped.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Linkify),
	goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(util.Prioritized(outside{}, 100))),
)

// render makes the page of a source.
func render(name string, source []byte) []byte {
	ctx := parser.NewContext(parser.WithIDs(&anchors{used: make(map[string]int)}))
	ctx.Set(nameKey, name)
	document := markdown.Parser().Parse(text.NewReader(source), parser.WithContext(ctx))
	var body, out bytes.Buffer
	if err := markdown.Renderer().Render(&body, source, document); err != nil { // writing to memory does not fail
		panic(err)
	}
	// A corner of a table is no heading.
	cells := strings.ReplaceAll(body.String(), "<th></th>", "<td></td>")
	title := name
	if h, ok := document.FirstChild().(*ast.Heading); ok {
		title = headingText(h, source)
	}
	err := page.Execute(&out, struct {
		Title, Up string
		Body      template.HTML
	}{title, strings.Repeat("../", strings.Count(name, "/")), template.HTML(cells)}) //nolint:gosec // goldmark escapes the source, which is part of the program
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}

// headingText is a heading without its markup.
func headingText(h *ast.Heading, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(h, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// nameKey holds the path of the page that is parsed.
var nameKey = parser.NewContextKey()

// outside makes links to files that are no part of the documentation lead to the repository.
type outside struct{}

// Transform implements parser.ASTTransformer.
func (outside) Transform(document *ast.Document, _ text.Reader, ctx parser.Context) {
	name, _ := ctx.Get(nameKey).(string)
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if l, ok := n.(*ast.Link); ok && entering {
			to := string(l.Destination)
			if at := path.Join("docs", path.Dir(name), to); strings.HasPrefix(to, "../") && !strings.HasPrefix(at, "docs/") {
				l.Destination = []byte(Repository + at)
			}
		}
		return ast.WalkContinue, nil
	})
}

// anchors names headings as GitHub does, whose names the links between pages use.
type anchors struct{ used map[string]int }

var dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// Generate implements parser.IDs.
func (a *anchors) Generate(value []byte, _ ast.NodeKind) []byte {
	id := strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(string(value)), ""), " ", "-")
	n := a.used[id]
	a.used[id]++
	if n > 0 {
		id = fmt.Sprintf("%s-%d", id, n)
	}
	return []byte(id)
}

// Put implements parser.IDs.
func (a *anchors) Put(value []byte) { a.used[string(value)]++ }
