package fleet

import "errors"

var (
	// ErrNotFound reports that the thing asked for is not stored.
	ErrNotFound = errors.New("not found")
	// ErrConflict reports that the thing exists already or was changed meanwhile.
	ErrConflict = errors.New("conflict")
	// ErrNotAssigned reports a driver that speaks of a shipment or assignment
	// which is not its own.
	ErrNotAssigned = errors.New("is not assigned to this driver")
	// ErrFull reports that the stream holds all it may; what it holds has to be
	// worked off first.
	ErrFull = errors.New("stream is full")
	// ErrAway reports a database that answers and cannot do its work for the moment,
	// such as one whose disk is full.
	ErrAway = errors.New("the database is away")
)

// InvalidError reports input that can never be accepted, and which field is at
// fault. Everything that is not an InvalidError is a dependency that is away:
// keep the input, wait, try again.
type InvalidError struct{ Field, Reason string }

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// Invalid returns an *InvalidError for field.
func Invalid(field, reason string) error { return &InvalidError{Field: field, Reason: reason} }
