package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/fleet"
)

// audits is what the audit entry of a write holds of the thing where its method
// does not say it: PATCH and PUT give it before and after, DELETE before, POST
// after. A write without an entry has its reason here.
var audits = map[string]struct{ before, after, none bool }{
	"ack-alert":            {before: true, after: true},
	"cancel-shipment":      {before: true, after: true},
	"close-alert":          {before: true, after: true},
	"replay-webhook":       {before: true, after: true},
	"report-status":        {before: true, after: true},
	"save-command-receipt": {before: true, after: true},
	"save-receipt":         {before: true, after: true},
	"withdraw-assignment":  {before: true, after: true},
	"erase-driver":         {after: true}, // how much there was; what it was is erased
	"retry-dead-letter":    {before: true},

	"create-device-secret": {}, // a secret is nowhere but with its device
	"disconnect-client":    {},
	"login":                {},
	"logout":               {},
	"revoke-subject":       {},
	"revoke-token":         {},
	"set-password":         {},

	"ingest-osmand":       {none: true}, // positions: the history is their record
	"ingest-osmand-query": {none: true},
	"ingest-owntracks":    {none: true},
	"refresh":             {none: true}, // the session that a login began goes on
	"try-retention":       {none: true}, // says what it would do
}

// newAudits returns the entries of a fleet since it was last called.
func (s *server) newAudits(fleetID string) []fleet.AuditEntry {
	s.t.Helper()
	entries, err := s.store.AuditLog(s.t.Context(), fleetID, s.audited[fleetID], 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(entries) > 0 {
		s.audited[fleetID] = entries[len(entries)-1].ID
	}
	return entries
}

// checkAudit holds the entries that the call of a write left against the table: one who did
// what from where, if it was done. Without an actor there is nothing to be done.
func checkAudit(t *testing.T, op *huma.Operation, actor string, r *answer, entries []fleet.AuditEntry) {
	t.Helper()
	want, listed := audits[op.OperationID]
	if !listed {
		want.before = op.Method != http.MethodPost
		want.after = op.Method != http.MethodDelete
	}
	if r.StatusCode > 299 || want.none || actor == "" {
		if len(entries) > 0 {
			t.Errorf("%s, answered %d, leaves the audit entry %+v", op.OperationID, r.StatusCode, entries[0])
		}
		return
	}
	if len(entries) == 0 {
		t.Errorf("%s is not in the audit", op.OperationID)
		return
	}
	e := entries[len(entries)-1]
	if e.Actor != actor || !strings.HasPrefix(e.Address, "127.0.0.1") || e.At.IsZero() || e.Action == "" || e.Entity == "" {
		t.Errorf("%s by %s has the audit entry %+v", op.OperationID, actor, e)
	}
	if before, after := len(e.Before) > 0, len(e.After) > 0; before != want.before || after != want.after {
		t.Errorf("%s: the audit has before %s and after %s, want them: %v, %v", op.OperationID, e.Before, e.After, want.before, want.after)
	}
}

// unchanged fails when something happens to acme until the function is called
// that it returns.
func (s *server) unchanged() (check func()) {
	s.t.Helper()
	last := func() int64 {
		s.t.Helper()
		s.sequence()
		n, err := s.store.LastEvent(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	s.newAudits("acme")
	before := last()
	return func() {
		s.t.Helper()
		if entries := s.newAudits("acme"); len(entries) > 0 {
			s.t.Errorf("what was refused is in the audit: %+v", entries)
		}
		if after := last(); after != before {
			s.t.Errorf("what was refused gave %d events", after-before)
		}
	}
}
