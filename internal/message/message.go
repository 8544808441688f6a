// Package message defines what Viaduct reports about objects, nodes and configurations: each
// problem and note has a code that stays the same over releases, named arguments, and a remedy.
//
// A definition is made once, in a variable of the package that reports it. Clients, events and
// tests compare codes; texts may change at any time. The reference page and
// `viaduct explain CODE` print the list of definitions. The package is pure.
package message

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Definition describes one message.
type Definition struct {
	// Code identifies the message over all releases: words joined by hyphens.
	Code string
	// Text states what is wrong, with arguments as placeholders like {zone}. It ends with a
	// colon if the remedy completes it, as in "is missing:".
	Text string
	// Remedy is what to do, with the same placeholders; empty if Text implies it.
	Remedy string
	// Explanation states what the message means and when it appears.
	Explanation string
	// names returns the arguments in the order of their first appearance. Most processes
	// use few definitions, so each finds them when it is first asked.
	names func() []string
}

// Message is one report: a definition with its arguments.
type Message struct {
	Details
	// Text is the whole sentence, with the remedy.
	Text string
}

// Details are the parts of a message that programs read, next to its text. All are empty in
// reports of releases without codes.
type Details struct {
	// Code identifies the message: docs/reference/messages.md.
	Code string `json:"code,omitempty"`
	// Args are the arguments of the message by name.
	Args map[string]string `json:"args,omitempty"`
	// Remedy is the part of the message that states what to do.
	Remedy string `json:"remedy,omitempty"`
}

// placeholder is an argument in a text.
var placeholder = regexp.MustCompile(`\{([a-z][a-z0-9-]*)\}`)

// The definitions of all packages of the program, by code.
var (
	mu   sync.Mutex
	list = map[string]*Definition{}
)

// Define adds a definition to the list. The variables of packages call it, so it panics if the
// code is not unique.
func Define(code, text, remedy, explanation string) *Definition {
	d := &Definition{Code: code, Text: text, Remedy: remedy, Explanation: explanation}
	d.names = sync.OnceValue(func() []string { return placeholders(text + remedy) })
	mu.Lock()
	defer mu.Unlock()
	if list[code] != nil {
		panic("two messages have the code " + code)
	}
	list[code] = d
	return d
}

// placeholders returns the names in a text, in the order of their first appearance.
func placeholders(text string) []string {
	var out []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

// Definitions returns all definitions, sorted by code.
func Definitions() []*Definition {
	mu.Lock()
	defer mu.Unlock()
	out := make([]*Definition, 0, len(list))
	for _, d := range list {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *Definition) int { return cmp.Compare(a.Code, b.Code) })
	return out
}

// Find returns the definition with the code; nil if there is none.
func Find(code string) *Definition {
	mu.Lock()
	defer mu.Unlock()
	return list[code]
}

// Names returns the names of the arguments, in the order in which Of expects them.
func (d *Definition) Names() []string { return slices.Clone(d.names()) }

// Sentence returns text and remedy as one sentence, with placeholders.
func (d *Definition) Sentence() string { return join(d.Text, d.Remedy) }

// Of returns the message with the arguments, in the order in which their placeholders first
// appear in text and remedy. A test checks the number of arguments of every call.
func (d *Definition) Of(args ...any) Message {
	m := Message{Details: Details{Code: d.Code}}
	names := d.names()
	if len(names) == 0 {
		m.Remedy, m.Text = d.Remedy, d.Sentence()
		return m
	}
	m.Args = make(map[string]string, len(names))
	pairs := make([]string, 0, 2*len(names))
	for i, name := range names[:min(len(names), len(args))] {
		value := fmt.Sprint(args[i])
		m.Args[name] = value
		pairs = append(pairs, "{"+name+"}", value)
	}
	r := strings.NewReplacer(pairs...)
	m.Remedy = r.Replace(d.Remedy)
	m.Text = join(r.Replace(d.Text), m.Remedy)
	return m
}

// join joins text and remedy by a semicolon, unless the text ends with a colon.
func join(text, remedy string) string {
	switch {
	case remedy == "":
		return text
	case strings.HasSuffix(text, ":"):
		return text + " " + remedy
	}
	return text + "; " + remedy
}

// Failure is an error with a message.
type Failure struct {
	Message
	cause error
}

// Failure returns the message as an error. It wraps the first argument that is an error.
func (d *Definition) Failure(args ...any) *Failure {
	f := &Failure{Message: d.Of(args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			f.cause = err
			break
		}
	}
	return f
}

// Error implements error.
func (f *Failure) Error() string { return f.Text }

// Unwrap returns the cause; nil if there is none.
func (f *Failure) Unwrap() error { return f.cause }

// Detailed is implemented by errors with a message of their own.
type Detailed interface {
	error
	// MessageDetails returns the details of the message that Error returns.
	MessageDetails() Details
}

// MessageDetails implements Detailed.
func (f *Failure) MessageDetails() Details { return f.Details }

// FromError returns the whole text of an error with the details of the first message in its
// tree, or otherwise those of the definition with the text as its only argument.
func FromError(err error, otherwise *Definition) Message {
	var d Detailed
	if errors.As(err, &d) {
		return Message{Details: d.MessageDetails(), Text: err.Error()}
	}
	m := otherwise.Of(err)
	m.Text = err.Error()
	return m
}
