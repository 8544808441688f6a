package access

import (
	"errors"
	"fmt"
	"time"
)

// Errors of this package, to be tested with errors.Is.
var (
	// ErrAuthentication: the credentials are invalid, or the user may not log in. One text
	// for every cause: an attacker learns nothing from it.
	ErrAuthentication = errors.New("authentication failure")
	// ErrThrottled: too many attempts to log in have failed. It is a *ThrottledError,
	// which has the time to wait.
	ErrThrottled = errors.New("too many failed logins")
	// ErrNotFound: the user, group, role or token does not exist.
	ErrNotFound = errors.New("does not exist")
	// ErrExists: the name exists already.
	ErrExists = errors.New("already exists")
	// ErrInvalid: a value breaks a rule, which the text states.
	ErrInvalid = errors.New("not valid")
	// ErrInUse: something refers to it.
	ErrInUse = errors.New("in use")
	// ErrChanged: it has changed since it was read.
	ErrChanged = errors.New("changed meanwhile")
)

// ThrottledError rejects an attempt to log in that comes too early.
type ThrottledError struct {
	// Wait is the time until an attempt is allowed.
	Wait time.Duration
}

// Error implements error.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("%s: try again in %s", ErrThrottled, max(e.Wait, time.Second).Round(time.Second))
}

// Is makes every such error an ErrThrottled.
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// invalid is the error of a value: the object (empty if the object itself is named), the
// name of the field, the value, and the valid form.
func invalid(object, field, value, right string) error {
	const longest = 80
	if len(value) > longest {
		value = value[:longest] + "..."
	}
	if object != "" {
		object += ": "
	}
	return fmt.Errorf("%s%s %q is %w: %s", object, field, value, ErrInvalid, right)
}
