package api

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/dray-fleet/dray/fleet"
)

var errNoIngest = errors.New("no ingest in this process")

// A DeadLetter is a publication that could never be stored, and why.
type DeadLetter struct {
	ID         string `json:"id"`
	Topic      string `json:"topic"`
	Field      string `json:"field,omitempty"`
	Reason     string `json:"reason"`
	ReceivedAt stamp  `json:"received_at"`
	Payload    string `json:"payload" doc:"As it came, at most 64 KiB of it."`
	Base64     []byte `json:"payload_base64,omitempty" nullable:"false" doc:"Instead of payload when that is not UTF-8."`
}

func (a *API) deadLetterRoutes() {
	register(a, operation{method: "GET", path: "/dead-letters", id: "list-dead-letters", summary: "What could not be stored"}, admins, a.listDeadLetters)
	register(a, operation{method: "DELETE", path: "/dead-letters/{id}", id: "delete-dead-letter", summary: "Forget a dead letter"}, admins, a.deleteDeadLetter)
	register(a, operation{method: "POST", path: "/dead-letters/{id}/retry", id: "retry-dead-letter",
		summary: "Store what a newer version of this program can read, and forget the dead letter", status: http.StatusNoContent}, admins, a.retryDeadLetter)
}

// A Retrier stores what a dead letter holds, as if it came again.
type Retrier interface {
	// Retry returns an *fleet.InvalidError when it still cannot be stored. To
	// retry twice is to retry once.
	Retry(ctx context.Context, d fleet.DeadLetter) error
}

// OneDeadLetter names a dead letter of the fleet in the path.
type OneDeadLetter struct {
	InFleet
	ID string `path:"id" pattern:"^[\\x21-\\x7e]{1,256}$"`
}

func (a *API) retryDeadLetter(ctx context.Context, in *OneDeadLetter) (*struct{}, error) {
	if a.Retrier == nil {
		return nil, errNoIngest
	}
	c := callerOf(ctx)
	letter, err := a.Store.DeadLetter(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Retrier.Retry(ctx, letter); err != nil {
		return nil, err
	}
	if err := a.Store.DeleteDeadLetter(ctx, c.fleet, in.ID); err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return nil, err
	}
	return nil, a.audit(ctx, "retry", "dead_letter", in.ID, auditedLetter(&letter), nil)
}

func (a *API) listDeadLetters(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[page[DeadLetter]], error) {
	after, err := in.after(plainText)
	if err != nil {
		return nil, err
	}
	letters, err := a.Store.DeadLetters(ctx, callerOf(ctx).fleet, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(letters, in.Limit, deadLetter, func(d *fleet.DeadLetter) string { return d.ID })), nil
}

func (a *API) deleteDeadLetter(ctx context.Context, in *OneDeadLetter) (*struct{}, error) {
	c := callerOf(ctx)
	letter, err := a.Store.DeadLetter(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteDeadLetter(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "delete", "dead_letter", in.ID, auditedLetter(&letter), nil)
}

func deadLetter(d *fleet.DeadLetter) DeadLetter {
	out := DeadLetter{ID: d.ID, Topic: d.Topic, Field: d.Field, Reason: d.Reason, ReceivedAt: at(d.ReceivedAt)}
	if utf8.Valid(d.Payload) {
		out.Payload = string(d.Payload)
	} else {
		out.Base64 = d.Payload
	}
	return out
}

// auditedLetter is without what the driver said: the audit outlives an erasure.
func auditedLetter(d *fleet.DeadLetter) DeadLetter {
	return DeadLetter{ID: d.ID, Topic: d.Topic, Field: d.Field, Reason: d.Reason, ReceivedAt: at(d.ReceivedAt)}
}
