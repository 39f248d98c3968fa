package api

import (
	"errors"
	"strconv"
	"strings"

	"github.com/dray-fleet/dray/fleet"
)

// errPrecondition reports an If-Match, or a version in the body, that is not
// the current one.
var errPrecondition = errors.New("precondition failed")

// A Tagged response carries its version as entity tag.
type tagged[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

// etag is the strong entity tag of a version (RFC 9110 section 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// IfMatch is the precondition of a write (RFC 9110 section 13.1.1).
type IfMatch struct {
	IfMatch string `header:"If-Match" maxLength:"256" doc:"The ETag that the change is based on; without it the change is made whatever there is." example:"\"3\""`
}

// holds reports whether the version is among those the client named. Tags are
// compared strongly: a weak one never matches.
func (m IfMatch) holds(version int64) bool {
	if m.IfMatch == "" || strings.TrimSpace(m.IfMatch) == "*" {
		return true
	}
	for tag := range strings.SplitSeq(m.IfMatch, ",") {
		if strings.TrimSpace(tag) == etag(version) {
			return true
		}
	}
	return false
}

// expect returns the version that the store is to insist on, given the current
// one; 0 when the client does not care.
func (m IfMatch) expect(current int64) (int64, error) {
	switch {
	case m.IfMatch == "":
		return 0, nil
	case !m.holds(current):
		return 0, errPrecondition
	}
	return current, nil
}

// stale turns the store's conflict into the failed precondition that it is when
// a version was insisted on.
func stale(err error, expected int64) error {
	if expected != 0 && errors.Is(err, fleet.ErrConflict) {
		return errPrecondition
	}
	return err
}
