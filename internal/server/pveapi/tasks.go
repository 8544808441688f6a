package pveapi

import (
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/task"
)

// The default numbers of tasks and lines in a list.
const (
	defaultTasks = 50
	defaultLines = 50
	clusterTasks = 100
)

func (h *Handler) taskOperations() []Operation {
	one := []schema.Property{nodeParam(), upidParam()}
	paging := func(doc string) []schema.Property {
		return []schema.Property{
			{Name: "start", Form: schema.Integer, Doc: "leave out so many " + doc},
			{Name: "limit", Form: schema.Integer, Doc: "at most so many " + doc},
		}
	}
	see := overTask(access.SysAudit)
	return []Operation{
		{
			Method: "GET", Path: "/cluster/tasks", Doc: "List the newest tasks: the caller's, or all for an auditor.",
			Handle: func(c *Call) (any, error) {
				out := []schema.Object{}
				all := c.May("/", access.SysAudit)
				for _, t := range h.Tasks.List() {
					if (all || c.started(t.UPID)) && len(out) < clusterTasks {
						out = append(out, describeTask(t))
					}
				}
				return out, nil
			},
		},
		{
			Method: "GET", Path: "/nodes/{node}/tasks", AtServer: true, Doc: "List a node's tasks, newest first: the caller's, or all for an auditor.",
			Params: append(paging("tasks"),
				nodeParam(),
				schema.Property{Name: "errors", Form: schema.Boolean, Doc: "only those that failed"},
				schema.Property{Name: "since", Form: schema.Integer, Doc: "only those that began then or later, in seconds since 1970"},
				schema.Property{Name: "until", Form: schema.Integer, Doc: "only those that began then or earlier, in seconds since 1970"},
				schema.Property{Name: "source", Form: schema.Text, Enum: []string{"archive", "active", "all"}, Doc: "those that ended (the default), that run, or both"},
				schema.Property{Name: "statusfilter", Form: schema.List, Doc: "only these results: ok, error, unknown"},
				schema.Property{Name: "typefilter", Form: schema.Text, Doc: "only this type"},
				schema.Property{Name: "userfilter", Form: schema.Text, Doc: "only users with this in their name"},
				schema.Property{Name: "vmid", Form: schema.Integer, Min: firstGuest, Max: lastGuest, Doc: "only tasks about this guest"},
			),
			Handle: h.listTasks,
		},
		{
			Method: "GET", Path: "/nodes/{node}/tasks/{upid}", AtServer: true, Doc: "List what there is of a task.", Params: one, Allow: see,
			Handle: func(*Call) (any, error) { return []schema.Object{{"name": "log"}, {"name": "status"}}, nil },
		},
		{
			Method: "GET", Path: "/nodes/{node}/tasks/{upid}/status", AtServer: true, Doc: "Return the state of a task.", Params: one, Allow: see,
			Handle: h.taskStatus,
		},
		{
			Method: "GET", Path: "/nodes/{node}/tasks/{upid}/log", AtServer: true, Doc: "Show lines of a task's log.",
			Params: append(paging("lines"), one...), Allow: see, Handle: h.taskLog,
		},
		{
			Method: "DELETE", Path: "/nodes/{node}/tasks/{upid}", AtServer: true, Doc: "Stop a task.", Params: one,
			Allow:  overTask(access.SysModify),
			Handle: func(c *Call) (any, error) { return nil, h.Tasks.Stop(c, c.Text("upid")) },
		},
	}
}

// started reports whether the caller started a task, in person or with a token.
func (c *Call) started(u task.UPID) bool {
	if u.User == c.Who.String() {
		return true
	}
	user, _, _ := strings.Cut(u.User, "!")
	return user == c.Who.User && c.inPerson()
}

// overTask is the permission on one task: for the user who started it, or with a
// privilege on the node.
func overTask(p access.Privilege) Permission {
	return Permission{Doc: "the user who started the task, or " + string(p) + " on /nodes/{node}", Check: func(c *Call) error { return c.overTask(p) }}
}

func (c *Call) overTask(p access.Privilege) error {
	u, _ := task.ParseUPID(c.Text("upid")) // the form has been checked
	if node := c.Text("node"); node != u.Node {
		return Params{"upid": "the task is one of node " + u.Node}
	}
	if c.started(u) {
		return nil
	}
	return c.Need("/nodes/"+u.Node, p)
}

// describeTask returns a task as lists show it.
func describeTask(t *task.Task) schema.Object {
	o := schema.Object{
		"upid": t.Name, "node": t.Node, "pid": t.PID, "pstart": t.Count, "starttime": t.Start, "type": t.Type, "id": t.ID,
	}
	user, token, ok := strings.Cut(t.User, "!")
	if o["user"] = user; ok {
		o["tokenid"] = token
	}
	if !t.Running() {
		o["endtime"], o["status"] = t.End.Unix(), t.Exit
	}
	return o
}

func (h *Handler) taskStatus(c *Call) (any, error) {
	t, err := h.Tasks.Get(c, c.Text("upid"))
	if err != nil {
		return nil, err
	}
	o := describeTask(t)
	o["status"] = "running"
	if !t.Running() {
		o["status"], o["exitstatus"] = "stopped", t.Exit
	}
	return o, nil
}

func (h *Handler) taskLog(c *Call) (any, error) {
	start, limit, err := c.page(defaultLines)
	if err != nil {
		return nil, err
	}
	lines, total, err := h.Tasks.Log(c, c.Text("upid"), start, limit)
	if err != nil {
		return nil, err
	}
	out := []schema.Object{}
	for i, line := range lines {
		out = append(out, schema.Object{"n": start + i + 1, "t": line})
	}
	if total == 0 {
		out = append(out, schema.Object{"n": 1, "t": "no content"})
	}
	return Paged{out, total}, nil
}

// page parses the requested part of a list. A limit of 0 means no limit.
func (c *Call) page(without int64) (start, limit int, err error) {
	const most = 1 << 30
	first, err := c.number("start", 0)
	if err != nil {
		return 0, 0, err
	}
	count, err := c.number("limit", without)
	if count == 0 {
		count = most
	}
	return int(min(first, most)), int(min(count, most)), err
}

func (h *Handler) listTasks(c *Call) (any, error) {
	node := c.Text("node")
	start, limit, err := c.page(defaultTasks)
	if err != nil {
		return nil, err
	}
	wanted, err := c.taskFilter(node)
	if err != nil {
		return nil, err
	}
	out := []schema.Object{}
	total := 0
	known := node == h.Node || slices.Contains(h.Fleet.Names(), node)
	for _, t := range h.Tasks.List() {
		known = known || t.Node == node
		if !wanted(t) {
			continue
		}
		if total >= start && len(out) < limit {
			out = append(out, describeTask(t))
		}
		total++
	}
	if !known {
		return nil, unknownNode(node)
	}
	return Paged{out, total}, nil
}

// taskFilter returns the filter of a request for a list of tasks.
func (c *Call) taskFilter(node string) (func(*task.Task) bool, error) {
	since, err := c.number("since", 0)
	if err != nil {
		return nil, err
	}
	until, err := c.number("until", 1<<62)
	if err != nil {
		return nil, err
	}
	all := c.May("/nodes/"+node, access.SysAudit)
	user, typ, source, guest := strings.ToLower(c.Text("userfilter")), c.Text("typefilter"), c.Text("source"), c.Text("vmid")
	results := c.List("statusfilter")
	return func(t *task.Task) bool {
		switch {
		case t.Node != node, !all && !c.started(t.UPID), t.Start < since, t.Start > until,
			!strings.Contains(strings.ToLower(t.User), user), typ != "" && t.Type != typ, guest != "" && t.ID != guest,
			t.Running() && (source == "" || source == "archive"), !t.Running() && source == "active",
			c.Bool("errors") && result(t) != "error", len(results) > 0 && !slices.Contains(results, result(t)):
			return false
		}
		return true
	}, nil
}

// result returns the result of a task in Proxmox's terms.
func result(t *task.Task) string {
	switch {
	case t.Running():
		return "unknown"
	case t.Exit == task.OK:
		return "ok"
	}
	return "error"
}
