package api

import (
	"net/http"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/audit"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// Bounds of a listing of the audit.
const (
	defaultEntries = 100
	mostEntries    = 1000
)

// record records the result of a write. For an unauthenticated caller there is only a
// line in the log: they must not push others' entries out.
func (h *Handler) record(rt *route, r *request, status int, err error) {
	e := audit.Entry{
		Author: r.caller.name, Claimed: r.caller.claimed, From: r.caller.from, Operation: rt.id, Target: r.URL.EscapedPath(), Objects: r.objects, Status: status,
	}
	if err != nil {
		e.Error = problem.From(err).Type
	}
	if r.caller.name == "" {
		h.strangers.Do(func() {
			h.Log.Info("a write was refused", "status", status, "from", origin(r.Request), "operation", e.Operation)
		})
		return
	}
	h.Audit.Record(e)
}

func (h *Handler) auditEntries(r *request) (any, error) {
	q := audit.Query{Author: r.URL.Query().Get("user"), After: r.URL.Query().Get("after"), Limit: defaultEntries}
	if s := r.URL.Query().Get("limit"); s != "" {
		var err error
		if q.Limit, err = strconv.Atoi(s); err != nil || q.Limit < 1 || q.Limit > mostEntries {
			return nil, problem.Invalid("limit %q: must be a number, 1 to %d", s, mostEntries)
		}
	}
	entries, err := h.Audit.List(r.Context(), q)
	if err != nil {
		return nil, problem.New(http.StatusServiceUnavailable, api.TypeUnavailable, "%s", err)
	}
	return convert(entries, func(e audit.Entry) api.AuditEntry {
		return api.AuditEntry{
			ID: e.ID, Time: e.Time, Author: e.Author, From: e.From, Operation: e.Operation, Target: e.Target,
			Objects: e.Objects, Status: e.Status, Error: e.Error, Count: e.Count,
		}
	}), nil
}
