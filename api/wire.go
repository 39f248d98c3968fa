package api

import (
	"encoding/base64"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/fleet"
)

// A stamp is a time as the API writes it: RFC 3339 in UTC with milliseconds.
// The zero stamp is absent: use it with omitzero.
type stamp struct{ time.Time }

const stampFormat = "2006-01-02T15:04:05.000Z"

func at(t time.Time) stamp { return stamp{t} }

// MarshalJSON writes null for the zero time.
func (s stamp) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	return s.UTC().AppendFormat(make([]byte, 0, 32), `"`+stampFormat+`"`), nil
}

// UnmarshalJSON reads RFC 3339; null leaves the zero time.
func (s *stamp) UnmarshalJSON(data []byte) error { return s.Time.UnmarshalJSON(data) }

// Schema describes the JSON for the OpenAPI document.
func (stamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

// Paging is the query parameters of every list.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"512" doc:"next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// after returns the last id of the page before; empty for the first page. A
// cursor that valid refuses was not given out by this list.
func (p Paging) after(valid func(string) bool) (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	id, err := base64.RawURLEncoding.Strict().DecodeString(p.Cursor)
	if err != nil || len(id) == 0 || !valid(string(id)) {
		return "", fleet.Invalid("query.cursor", "is not a cursor of this list")
	}
	return string(id), nil
}

// number returns the number after which the page begins, of a list that is in
// the order of numbers.
func (p Paging) number() (int64, error) {
	cursor, err := p.after(func(s string) bool { _, err := strconv.ParseUint(s, 10, 63); return err == nil })
	if err != nil || cursor == "" {
		return 0, err
	}
	return strconv.ParseInt(cursor, 10, 64)
}

// A page is one page of a list. Next is null on the last one; a full page may
// be followed by an empty one.
type page[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  *string `json:"next"`
}

// pageOf converts what the store returned for a page of limit items.
func pageOf[S, T any](found []S, limit int, convert func(*S) T, id func(*S) string) page[T] {
	p := page[T]{Items: make([]T, len(found))}
	for i := range found {
		p.Items[i] = convert(&found[i])
	}
	if len(found) > 0 && len(found) >= limit {
		next := base64.RawURLEncoding.EncodeToString([]byte(id(&found[len(found)-1])))
		p.Next = &next
	}
	return p
}

// A body is a response that is one JSON document.
type body[T any] struct{ Body T }

func reply[T any](v T) *body[T] { return &body[T]{v} }

// inBody says of an invalid field that it is one of the body.
func inBody(err error) error {
	var invalid *fleet.InvalidError
	if errors.As(err, &invalid) {
		return fleet.Invalid("body."+invalid.Field, invalid.Reason)
	}
	return err
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// atOrNull is nil for the zero time.
func atOrNull(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	return &stamp{t}
}

// orZero is the inverse of atOrNull.
func orZero(s *stamp) time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.Time
}

// plainText reports whether s is short and without control characters.
func plainText(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return false
		}
	}
	return len(s) <= 256 && utf8.ValidString(s)
}
