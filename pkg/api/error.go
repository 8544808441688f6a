package api

import "errors"

// The values of Error.Type.
const (
	// TypeInvalid: the request or the configuration it leads to breaks a rule;
	// Error.Problems says which.
	TypeInvalid = "invalid"
	// TypeNotFound: what the path or the request names does not exist.
	TypeNotFound = "not-found"
	// TypeConflict: something stands in the way, such as an If-Match that does
	// not hold, or another writer.
	TypeConflict = "conflict"
	// TypeStalePlan: the plan that was looked at is no longer the one that the
	// request would carry out; nothing was stored.
	TypeStalePlan = "stale-plan"
	// TypePlanErrors: the change asks for what nodes cannot have, which Error.Problems
	// says; nothing was applied. See ApplyRequest.AllowErrors.
	TypePlanErrors = "plan-errors"
	// TypeForbidden: whoever asks may not.
	TypeForbidden = "forbidden"
	// TypeUnavailable: the store does not answer; asking again may help.
	TypeUnavailable = "unavailable"
	// TypeNoSpace: the store cannot grow.
	TypeNoSpace = "no-space"
	// TypeTooLarge: the request is larger than the server or its store takes.
	TypeTooLarge = "too-large"
	// TypeInternal: a fault of the server.
	TypeInternal = "internal"
)

// ErrorTypes are all values of Error.Type.
func ErrorTypes() []string {
	return []string{
		TypeInvalid, TypeNotFound, TypeConflict, TypeStalePlan, TypePlanErrors, TypeForbidden, TypeUnavailable, TypeNoSpace, TypeTooLarge, TypeInternal,
	}
}

// IsType reports whether err is, or wraps, an *Error of the type.
func IsType(err error, typ string) bool {
	var e *Error
	return errors.As(err, &e) && e.Type == typ
}
