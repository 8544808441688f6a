package docs

import (
	"regexp"
	"slices"
	"strings"
)

// Command is a command line in a page.
type Command struct {
	// Line is where it is, from 1.
	Line int
	// Words are the command's, without the name of the program.
	Words []string
	// Whole is set if the command could be typed as it is: it is in a block, and not
	// only named in the text.
	Whole bool
}

// quoted is code inside of a line of text.
var quoted = regexp.MustCompile("`([^`]+)`")

// Commands returns the command lines of a program ("viaduct") in blocks of shell
// commands, in indented ones, and in quotes of the text.
func (p *Page) Commands(program string) []Command {
	var out []Command
	add := func(line int, text string, whole bool) {
		for _, c := range Simple(text) {
			if words := without(c.Words); len(words) > 0 && (words[0] == program || words[0] == "bin/"+program) {
				out = append(out, Command{line + c.Line, words[1:], whole})
			}
		}
	}
	for _, b := range p.Blocks {
		if b.Lang == "sh" {
			add(b.Line, b.Text, true)
		}
	}
	p.Prose(func(number int, line string) {
		if text, ok := strings.CutPrefix(line, "    "); ok {
			add(number, text, true)
			return
		}
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if strings.HasPrefix(m[1], program+" ") {
				add(number, m[1], false)
			}
		}
	})
	return out
}

// without leaves out what may be before a command in the shell.
func without(words []string) []string {
	before := []string{"until", "while", "if", "then", "do", "!", "sudo", "exec", "time"}
	for len(words) > 0 && (slices.Contains(before, words[0]) || assignment.MatchString(words[0])) {
		words = words[1:]
	}
	return words
}

var assignment = regexp.MustCompile(`^[A-Z_]+=`)

// Simple splits the text of a shell script into simple commands (POSIX, 2.9.1), as far as
// documents need it: with quotes, comments, continued lines, and documents that follow.
// Redirections are left out; Line counts from 0.
func Simple(text string) []Command {
	s := &splitter{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for n := 0; n < len(lines); n++ {
		s.line = n
		whole := lines[n]
		for strings.HasSuffix(whole, `\`) && n+1 < len(lines) {
			n++
			whole = strings.TrimSuffix(whole, `\`) + lines[n]
		}
		s.read(whole)
		s.end()
		if s.until != "" {
			for n++; n < len(lines) && lines[n] != s.until; n++ { // what follows is no command
			}
			s.until = ""
		}
	}
	return s.out
}

type splitter struct {
	out   []Command
	words []string
	word  strings.Builder
	begun bool // a word, which may be empty
	line  int
	until string // ends the document that follows
}

func (s *splitter) endWord() {
	if s.begun {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.begun = false
}

func (s *splitter) end() {
	s.endWord()
	var words []string
	for i := 0; i < len(s.words); i++ {
		switch w := s.words[i]; {
		case w == "<<" && i+1 < len(s.words):
			i++
			s.until = s.words[i]
		case (w == ">" || w == ">>" || w == "<") && i+1 < len(s.words):
			i++
		default:
			words = append(words, w)
		}
	}
	if len(words) > 0 {
		s.out = append(s.out, Command{Line: s.line, Words: words})
	}
	s.words = nil
}

func (s *splitter) read(line string) {
	for i := 0; i < len(line); i++ {
		switch ch := line[i]; {
		case ch == '\'' || ch == '"':
			end := strings.IndexByte(line[i+1:], ch)
			if end < 0 {
				end = len(line) - i - 1
			}
			s.word.WriteString(line[i+1 : i+1+end])
			s.begun = true
			i += end + 1
		case ch == '#' && !s.begun:
			return
		case ch == ' ' || ch == '\t':
			s.endWord()
		case ch == ';' || ch == '|' || ch == '&':
			s.end()
		case ch == '>' || ch == '<':
			if s.word.String() == "2" {
				s.word.Reset()
				s.begun = false
			}
			s.endWord()
			operator := string(ch)
			if i+1 < len(line) && line[i+1] == ch {
				operator += string(ch)
				i++
			}
			s.words = append(s.words, operator)
		case ch == '\\' && i+1 < len(line):
			i++
			s.word.WriteByte(line[i])
			s.begun = true
		default:
			s.word.WriteByte(ch)
			s.begun = true
		}
	}
}
