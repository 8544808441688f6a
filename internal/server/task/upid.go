package task

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// UPID is the name of a task in the form of Proxmox:
//
//	UPID:<node>:<pid>:<pstart>:<starttime>:<type>:<id>:<user>:
//
// with three numbers of at least eight hexadecimal digits. Here pstart is a counter of
// the server, so that no two tasks have the same name.
type UPID struct {
	Node string
	PID  uint32
	// Count distinguishes tasks that one process started in the same second.
	Count uint32
	// Start is when the task began, in seconds since 1970.
	Start int64
	// Type is the type of task, and ID its object, which may be empty.
	Type, ID string
	// User is who started it.
	User string
}

// String implements fmt.Stringer.
func (u UPID) String() string {
	return fmt.Sprintf("UPID:%s:%08X:%08X:%08X:%s:%s:%s:", u.Node, u.PID, u.Count, u.Start, u.Type, u.ID, u.User)
}

// maxUPID limits the length of a name that is parsed, in bytes.
const maxUPID = 512

var upid = regexp.MustCompile(`^UPID:([a-zA-Z0-9][a-zA-Z0-9.-]*):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8,9}):([^:\s]+):([^:\s]*):([^:\s]+):$`)

// ParseUPID parses a name; ok is false if the form is invalid.
func ParseUPID(text string) (u UPID, ok bool) {
	m := upid.FindStringSubmatch(text)
	if m == nil || len(text) > maxUPID {
		return UPID{}, false
	}
	var numbers [3]uint64
	for i := range numbers {
		n, err := strconv.ParseUint(m[2+i], 16, 36)
		if err != nil || i < 2 && n > 1<<32-1 {
			return UPID{}, false
		}
		numbers[i] = n
	}
	return UPID{
		Node: m[1], PID: uint32(numbers[0]), Count: uint32(numbers[1]), Start: int64(numbers[2]), // checked above
		Type: m[5], ID: m[6], User: m[7],
	}, true
}

// word shortens and cleans a text to fit between the colons of a UPID.
func word(text string, longest int) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r == ':' || r == 0x7f {
			return '-'
		}
		return r
	}, strings.ToValidUTF8(text, "-"))
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "")
	}
	return text
}
