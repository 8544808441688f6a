package api

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// openAPIVersion is the release of the OpenAPI specification that the document
// follows.
const openAPIVersion = "3.1.0"

// document describes the interface for programs; it never changes.
func document() []byte {
	b, err := json.MarshalIndent(describeAll(), "", " ")
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	return append(b, '\n')
}

func (h *Handler) openAPI(r *request) (any, error) {
	r.w.Header().Set("Content-Type", "application/json")
	_, _ = r.w.Write(h.document()) // fails only if the client has disconnected
	return written{}, nil
}

// page shows the document to people. It contains its script and style, and fetches
// nothing but the document.
//
//go:embed docs.html
var page string

// pagePolicy allows the page its own script and style, by their hashes, and
// nothing else.
var pagePolicy = sync.OnceValue(func() string {
	return "default-src 'none'; connect-src 'self'; script-src " + hashOf("script") + "; style-src " + hashOf("style") +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})

// hashOf is the hash of the page's only element of that name, in the form of a policy.
func hashOf(element string) string {
	_, rest, _ := strings.Cut(page, "<"+element+">")
	content, _, _ := strings.Cut(rest, "</"+element+">")
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (h *Handler) docs(r *request) (any, error) {
	r.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	r.w.Header().Set("Content-Security-Policy", pagePolicy())
	r.w.Header().Set("Referrer-Policy", "no-referrer")
	_, _ = r.w.Write([]byte(page)) // fails only if the client has disconnected
	return written{}, nil
}

// describeAll is the OpenAPI document of all routes.
func describeAll() jsonObject {
	s := newSchemas()
	paths := jsonObject{}
	var tags []any
	seen := make(map[string]bool)
	for _, rt := range table() {
		path := root + rt.path
		item, ok := paths[path].(jsonObject)
		if !ok {
			item = jsonObject{}
			paths[path] = item
			if names := parameterNames(rt.path); len(names) > 0 {
				item["parameters"] = convert(names, func(name string) any {
					return jsonObject{"name": name, "in": "path", "required": true, "schema": jsonObject{"type": "string"}}
				})
			}
		}
		item[strings.ToLower(rt.method)] = operation(s, &rt)
		if !seen[rt.group] {
			seen[rt.group] = true
			tags = append(tags, jsonObject{"name": rt.group})
		}
	}
	problem := s.of(of[api.Error]())
	return jsonObject{
		"openapi": openAPIVersion,
		"info": jsonObject{
			"title": "Viaduct", "version": "1",
			"description": "The native interface of Viaduct, a software-defined network for virtualization clusters. Edits are pending until they are applied. " +
				"Errors are problem documents (RFC 9457). Whoever may not do something is told which privilege it takes on which path.",
		},
		// Paths are absolute, on whichever server the document came from.
		"servers":  []any{jsonObject{"url": "/", "description": "the server that this document comes from"}},
		"tags":     tags,
		"paths":    paths,
		"security": []any{jsonObject{"token": []string{}}, jsonObject{"session": []string{}}, jsonObject{"certificate": []string{}}},
		"components": jsonObject{
			"schemas": s.defs,
			"responses": jsonObject{"problem": jsonObject{
				"description": "why the request failed, and what to do",
				"content":     jsonObject{"application/problem+json": jsonObject{"schema": problem}},
			}},
			"securitySchemes": jsonObject{
				"token":       jsonObject{"type": "http", "scheme": "bearer", "description": "an API token: user@realm!name=secret; Authorization: PVEAPIToken=user@realm!name=secret does as well"},
				"session":     jsonObject{"type": "apiKey", "in": "cookie", "name": cookieName, "description": "the cookie that POST /api/v1/session sets; writes also need the header " + csrfHeader},
				"certificate": jsonObject{"type": "mutualTLS", "description": "an administrator's certificate: admin.crt in the server's data directory"},
			},
		},
	}
}

// parameterNames are the names of a path's parameters.
func parameterNames(path string) []string {
	var names []string
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}

func operation(s *schemas, rt *route) jsonObject {
	op := jsonObject{
		"operationId": rt.id, "tags": []string{rt.group}, "description": rt.doc, "summary": summary(rt.doc),
		"x-permission": rt.needs.doc, "responses": responses(s, rt),
	}
	if rt.needs.public {
		op["security"] = []any{}
	}
	var parameters []any
	for _, q := range rt.query {
		schema := jsonObject{"type": q.typ}
		if q.enum != nil {
			schema["enum"] = q.enum
		}
		parameters = append(parameters, jsonObject{"name": q.name, "in": "query", "description": q.doc, "schema": schema})
	}
	if rt.condition {
		for _, c := range [][2]string{
			{"If-Match", "the ETag that the object must still have, or * for any; otherwise the answer is 412"},
			{"If-None-Match", "* demands that there is no such object yet; otherwise the answer is 412"},
		} {
			parameters = append(parameters, jsonObject{"name": c[0], "in": "header", "description": c[1], "schema": jsonObject{"type": "string"}})
		}
	}
	if rt.cached {
		parameters = append(parameters, jsonObject{
			"name": "If-None-Match", "in": "header", "description": "the ETag of an earlier answer; if it is still the same the answer is 304", "schema": jsonObject{"type": "string"},
		})
	}
	if parameters != nil {
		op["parameters"] = parameters
	}
	if rt.request != nil {
		op["requestBody"] = jsonObject{"required": true, "content": jsonObject{"application/json": jsonObject{"schema": s.of(rt.request)}}}
	}
	return op
}

// summary is the first sentence of a description, without its full stop.
func summary(doc string) string {
	first, _, _ := strings.Cut(doc, ". ")
	first, _, _ = strings.Cut(first, ": ")
	return strings.TrimSuffix(first, ".")
}

func responses(s *schemas, rt *route) jsonObject {
	out := jsonObject{"default": jsonObject{"$ref": "#/components/responses/problem"}}
	if rt.answer == nil {
		out["204"] = jsonObject{"description": "done"}
		return out
	}
	content := rt.content
	if content == "" {
		content = "application/json"
	}
	ok := jsonObject{"description": "done", "content": jsonObject{content: jsonObject{"schema": s.of(rt.answer)}}}
	if rt.method == http.MethodGet && strings.HasSuffix(rt.path, "/{id}") {
		ok["headers"] = jsonObject{"ETag": jsonObject{"description": "for If-Match", "schema": jsonObject{"type": "string"}}}
	}
	if rt.cached {
		ok["headers"] = jsonObject{"ETag": jsonObject{"description": "for If-None-Match", "schema": jsonObject{"type": "string"}}}
		out["304"] = jsonObject{"description": "nothing has changed"}
	}
	out["200"] = ok
	return out
}
