package pveapi

import (
	"regexp"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
)

// Operations returns the whole table. The parts of the API that are not here answer 501.
func (h *Handler) Operations() []Operation {
	return takeDelete(slices.Concat(
		h.generalOperations(),
		h.accessOperations(),
		h.userOperations(),
		h.tokenOperations(),
		h.groupOperations(),
		h.roleOperations(),
		h.aclOperations(),
		h.clusterOperations(),
		h.nodeOperations(),
		h.networkOperations(),
		h.taskOperations(),
		h.emptyOperations(),
		h.networks().operations(),
	))
}

// The forms of names that Proxmox checks.
var (
	nodeForm  = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	userForm  = regexp.MustCompile(`^[^\s:/!,;]+@[A-Za-z][A-Za-z0-9.\-_]+$`)
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9.\-_]+$`)
	tokenForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.\-_]+$`)
	pathForm  = regexp.MustCompile(`^/[A-Za-z0-9.\-_:@/]*$`)
	ifaceForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.:-]{1,40}$`)
)

// matching returns a check of a form, with the error for a text that does not match.
func matching(form *regexp.Regexp, what string) func(string) string {
	return func(text string) string {
		if form.MatchString(text) {
			return ""
		}
		return "invalid format - value does not look like a valid " + what
	}
}

// Parameters of several operations.

func nodeParam() schema.Property {
	return schema.Property{Name: "node", Form: schema.Text, Need: 'r', MaxLength: 63, Check: matching(nodeForm, "node name"), Doc: "name of the node"}
}

func userParam() schema.Property {
	return schema.Property{Name: "userid", Form: schema.Text, Need: 'r', MaxLength: 64, Check: matching(userForm, "user name"), Doc: "full name of the user: name@realm"}
}

func tokenParam() schema.Property {
	return schema.Property{Name: "tokenid", Form: schema.Text, Need: 'r', MaxLength: 64, Check: matching(tokenForm, "token name"), Doc: "the token's own name, without the user's"}
}

func groupParam() schema.Property {
	return schema.Property{Name: "groupid", Form: schema.Text, Need: 'r', MaxLength: 64, Check: matching(nameForm, "group name"), Doc: "name of the group"}
}

func roleParam() schema.Property {
	return schema.Property{Name: "roleid", Form: schema.Text, Need: 'r', MaxLength: 64, Check: matching(nameForm, "role name"), Doc: "name of the role"}
}

func upidParam() schema.Property {
	return schema.Property{Name: "upid", Form: schema.Text, Need: 'r', MaxLength: 512, Doc: "name of the task", Check: func(text string) string {
		if _, ok := task.ParseUPID(text); !ok {
			return "invalid format - unable to parse worker upid"
		}
		return ""
	}}
}

func commentParam() schema.Property {
	return schema.Property{Name: "comment", Form: schema.Text, MaxLength: 1024, Doc: "description"}
}

func expireParam() schema.Property {
	return schema.Property{Name: "expire", Form: schema.Integer, Doc: "when it ends, in seconds since 1970; 0 is never"}
}

// index is an operation for any logged-in user that lists the children of a path.
func index(path, key string, names ...string) Operation {
	op := Operation{
		Method: "GET", Path: path, Doc: "List subdirectories.",
		Handle: func(*Call) (any, error) {
			out := []schema.Object{}
			for _, name := range names {
				out = append(out, schema.Object{key: name})
			}
			return out, nil
		},
	}
	for _, part := range op.parts() {
		if parameterName(part) == "node" {
			op.Params = append(op.Params, nodeParam())
		}
	}
	return op
}

// inPerson reports whether the caller has all privileges of the user: it uses no API
// token, or one without privilege separation.
func (c *Call) inPerson() bool {
	if c.Who.Token == "" {
		return true
	}
	t, err := c.access.Token(c.Who.String())
	return err == nil && !t.Privsep
}

// is reports whether the caller is the user.
func (c *Call) is(user string) bool { return c.Who.User == user && c.inPerson() }
