// Package records keeps what changes a few times a minute and not a thousand
// times a second: shipments, assignments, devices, webhooks, alerts, geofences,
// commands and the feed of events, in SQL that both databases understand.
//
// Both bind $1, both keep a time and a boolean in a type of their own, which
// the adapters and a column's Scan turn into Go's.
package records

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A Tx is one transaction, or reads outside of any.
type Tx interface {
	// Exec returns how many rows were changed; fleet.ErrConflict for a key that
	// is taken.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query calls row for each row.
	Query(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error
}

// A DB is what the two databases do each in their own way. The errors of fn come
// back wrapped.
type DB interface {
	EnsureFleet(ctx context.Context, id string) (created bool, err error)
	Read(ctx context.Context, what string, fn func(ctx context.Context, tx Tx) error) error
	Write(ctx context.Context, what string, fn func(ctx context.Context, tx Tx) error) error
}

// A Dialect is the SQL in which the two databases differ.
type Dialect struct {
	Outbox string // the table that events are written to
	Lock   string // after SELECT: keep others off these rows until the commit
	Act    string // says who acts in this transaction
	Rest   string // takes that back at its end; empty when the database does
}

// Records is the part of a store that is the same on both databases.
type Records struct {
	db DB
	d  Dialect
}

// New returns the records in db.
func New(db DB, d Dialect) *Records { return &Records{db, d} }

// write runs fn in a transaction in which by acts.
func (r *Records) write(ctx context.Context, by fleet.Actor, what string, fn func(ctx context.Context, tx Tx) error) error {
	if !fleet.ValidText(by.Subject) {
		return fleet.Invalid("actor", "is not plain text")
	}
	return r.db.Write(ctx, what, func(ctx context.Context, tx Tx) error {
		if _, err := tx.Exec(ctx, r.d.Act, by.Subject); err != nil {
			return err
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		return r.rest(ctx, tx)
	})
}

func (r *Records) rest(ctx context.Context, tx Tx) error {
	if r.d.Rest == "" {
		return nil
	}
	_, err := tx.Exec(ctx, r.d.Rest)
	return err
}

// changeOne runs one statement that must find its row.
func (r *Records) changeOne(ctx context.Context, by fleet.Actor, what, query string, args ...any) error {
	return r.write(ctx, by, what, func(ctx context.Context, tx Tx) error { return execOne(ctx, tx, query, args...) })
}

func execOne(ctx context.Context, tx Tx, query string, args ...any) error {
	n, err := tx.Exec(ctx, query, args...)
	if err == nil && n == 0 {
		return fleet.ErrNotFound
	}
	return err
}

// list reads rows outside of a transaction.
func list[T any](ctx context.Context, r *Records, what string, scan func(scan func(...any) error) (T, error), query string, args ...any) (list []T, err error) {
	err = r.db.Read(ctx, what, func(ctx context.Context, tx Tx) error {
		list, err = rows(ctx, tx, scan, query, args...)
		return err
	})
	return list, err
}

func rows[T any](ctx context.Context, tx Tx, scan func(scan func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	var list []T
	err := tx.Query(ctx, func(columns func(...any) error) error {
		v, err := scan(columns)
		list = append(list, v)
		return err
	}, query, args...)
	return list, err
}

// one reads one row outside of a transaction, or returns fleet.ErrNotFound.
func one[T any](ctx context.Context, r *Records, what string, scan func(scan func(...any) error) (T, error), query string, args ...any) (v T, err error) {
	err = r.db.Read(ctx, what, func(ctx context.Context, tx Tx) error {
		v, err = row(ctx, tx, scan, query, args...)
		return err
	})
	return v, err
}

func row[T any](ctx context.Context, tx Tx, scan func(scan func(...any) error) (T, error), query string, args ...any) (v T, err error) {
	found, err := rows(ctx, tx, scan, query, args...)
	if err != nil {
		return v, err
	}
	if len(found) == 0 {
		return v, fleet.ErrNotFound
	}
	return found[0], nil
}

// number scans one integer.
func number(scan func(...any) error) (n int64, err error) { return n, scan(&n) }

// A conditions collects what a list is narrowed by.
type conditions struct {
	where []string
	args  []any
}

// add appends a condition in which %d is the number of its parameter.
func (c *conditions) add(condition string, arg any) {
	c.args = append(c.args, arg)
	c.where = append(c.where, strings.ReplaceAll(condition, "%d", strconv.Itoa(len(c.args))))
}

func (c *conditions) String() string { return " WHERE " + strings.Join(c.where, " AND ") }

// bounded returns an error unless limit is a page's.
func bounded(limit int) error {
	if limit < 1 || limit > 1000 {
		return fleet.Invalid("limit", "must be between 1 and 1000")
	}
	return nil
}

// present returns t as an argument; nil when it is zero.
func present(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// A moment scans a time of either database; null is the zero time.
type moment struct{ t *time.Time }

// Scan takes what the driver gives: a time, or microseconds since 1970.
func (m moment) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*m.t = time.Time{}
	case time.Time:
		*m.t = v.UTC()
	case int64:
		*m.t = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time is a %T", src)
	}
	return nil
}

// A document scans JSON into what it points to; null leaves it as it is.
type document struct{ to any }

// Scan takes what the driver gives: text or bytes.
func (d document) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(v), d.to)
	case []byte:
		return json.Unmarshal(v, d.to)
	}
	return fmt.Errorf("a document is a %T", src)
}

// encode returns v as JSON text, an empty list for a nil one.
func encode[T any](v T) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only types of package fleet that always can
	}
	if string(b) == "null" {
		return "[]"
	}
	return string(b)
}

// newID returns an id that sorts by the time of its making.
func newID() string {
	return strconv.FormatInt(time.Now().UnixMilli(), 36) + strings.ToLower(rand.Text()[:16])
}

// now returns the time as precisely as both databases keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// limited orders a page by id.
func limited(limit int) string { return " ORDER BY id LIMIT " + strconv.Itoa(limit) }
