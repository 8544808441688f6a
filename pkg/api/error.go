package api

import "errors"

// The values of Error.Type.
const (
	// TypeInvalid: the request or the resulting configuration breaks a rule;
	// Error.Problems has the details.
	TypeInvalid = "invalid"
	// TypeNotFound: an object that the path or the request names does not exist.
	TypeNotFound = "not-found"
	// TypeConflict: something prevents the operation, such as an If-Match that does not
	// hold, or another writer.
	TypeConflict = "conflict"
	// TypeStalePlan: the reviewed plan is no longer the one that the request would carry
	// out; nothing was stored.
	TypeStalePlan = "stale-plan"
	// TypePlanErrors: the change has errors on nodes, listed in Error.Problems; nothing
	// was applied. See ApplyRequest.AllowErrors.
	TypePlanErrors = "plan-errors"
	// TypeForbidden: the caller has no permission.
	TypeForbidden = "forbidden"
	// TypeUnavailable: the store does not answer; a retry may help.
	TypeUnavailable = "unavailable"
	// TypeNoSpace: the store cannot grow.
	TypeNoSpace = "no-space"
	// TypeTooLarge: the request is larger than the server or its store accepts.
	TypeTooLarge = "too-large"
	// TypeNodeSilent: a node did not answer a live query in time; its agent may not run.
	TypeNodeSilent = "node-silent"
	// TypeInternal: an error of the server itself.
	TypeInternal = "internal"
)

// ErrorTypes are all values of Error.Type.
func ErrorTypes() []string {
	return []string{
		TypeInvalid, TypeNotFound, TypeConflict, TypeStalePlan, TypePlanErrors, TypeForbidden, TypeUnavailable, TypeNoSpace, TypeTooLarge, TypeNodeSilent, TypeInternal,
	}
}

// IsType reports whether err is, or wraps, an *Error of the type.
func IsType(err error, typ string) bool {
	var e *Error
	return errors.As(err, &e) && e.Type == typ
}
