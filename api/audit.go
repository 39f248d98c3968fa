package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// An AuditEntry says who did what, from where. Before and After are the thing
// as this API shows it, which never holds a secret.
type AuditEntry struct {
	At      stamp           `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Entity  string          `json:"entity"`
	ID      string          `json:"id"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Address string          `json:"address,omitempty"`
}

func (a *API) auditRoutes() {
	register(a, operation{method: "GET", path: "/audit", id: "list-audit", summary: "Who did what, oldest first"}, adminsAbove, a.listAudit)
}

func (a *API) listAudit(ctx context.Context, in *struct {
	InFleetOrAbove
	Paging
	After string `query:"after" maxLength:"512" doc:"The same as cursor."`
}) (*body[page[AuditEntry]], error) {
	if in.Cursor == "" {
		in.Cursor = in.After
	}
	after, err := in.number()
	if err != nil {
		return nil, err
	}
	entries, err := a.Store.AuditLog(ctx, callerOf(ctx).fleet, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(entries, in.Limit, auditEntry, func(e *fleet.AuditEntry) string { return strconv.FormatInt(e.ID, 10) })), nil
}

func auditEntry(e *fleet.AuditEntry) AuditEntry {
	return AuditEntry{at(e.At), e.Actor, e.Action, e.Entity, e.EntityID, e.Before, e.After, e.Address}
}

// audit records a write of the caller after it is done.
func (a *API) audit(ctx context.Context, action, entity, id string, before, after any) error {
	c := callerOf(ctx)
	e := fleet.AuditEntry{
		At: time.Now(), Fleet: c.fleet, Actor: c.Subject, Action: action, Entity: entity, EntityID: id, Address: c.address,
	}
	for _, v := range []struct {
		from any
		to   *json.RawMessage
	}{{before, &e.Before}, {after, &e.After}} {
		if v.from == nil {
			continue
		}
		data, err := json.Marshal(v.from)
		if err != nil {
			return fmt.Errorf("audit %s of %s: %w", action, entity, err)
		}
		*v.to = data
	}
	return a.Store.Audit(ctx, e)
}
