package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A repeat is answered by whichever process gets it, and also when the first
// one has died after the effect and before its answer.
func TestIdempotencyAcrossProcesses(t *testing.T) {
	s, dispo := dispatcher(t)
	other, err := New(s.api.Options)
	if err != nil {
		t.Fatal(err)
	}
	second := *s
	second.Server, second.api = httptest.NewServer(other), other
	t.Cleanup(second.Close)
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []struct{ path, token, body string }{
		{"/shipments", dispo, `{"reference":"a"}`},
		{"/shipments/s1/assign", dispo, `{"driver":"d1"}`},
		{"/geofences", dispo, `{"circle":{"center":{"lat":59,"lon":18},"radius_m":100}}`},
		{"/alerts", dispo, `{"kind":"breakdown","severity":"info"}`},
		{"/drivers/d1/commands", dispo, `{"action":"locate"}`},
		{"/webhooks", admin, `{"url":"https://erp.example/"}`},
	} {
		if ask.path == "/shipments/s1/assign" {
			s.want(201, "POST", "/shipments", dispo, `{"id":"s1"}`, nil)
		}
		first := s.want(201, "POST", ask.path, ask.token, ask.body, nil, "Idempotency-Key", "k")
		again := second.want(201, "POST", ask.path, ask.token, ask.body, nil, "Idempotency-Key", "k")
		if string(first.body) != string(again.body) || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: %s, then %s", ask.path, first.body, again.body)
		}
	}

	forgetful := *s
	opts := s.api.Options
	opts.Store = dying{opts.Store}
	if forgetful.api, err = New(opts); err != nil {
		t.Fatal(err)
	}
	forgetful.Server = httptest.NewServer(forgetful.api)
	t.Cleanup(forgetful.Close)
	first := forgetful.want(201, "POST", "/shipments", dispo, `{"reference":"b"}`, nil, "Idempotency-Key", "dies")
	if r := second.want(409, "POST", "/shipments", dispo, `{"reference":"b"}`, nil, "Idempotency-Key", "dies"); r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After while the first request may still run")
	}
	second.want(422, "POST", "/shipments", dispo, `{"reference":"c"}`, nil, "Idempotency-Key", "dies")
	later := opts
	later.Store = ahead{s.api.Options.Store}
	if forgetful.api, err = New(later); err != nil {
		t.Fatal(err)
	}
	forgetful.Server = httptest.NewServer(forgetful.api)
	t.Cleanup(forgetful.Close)
	again := forgetful.want(201, "POST", "/shipments", dispo, `{"reference":"b"}`, nil, "Idempotency-Key", "dies")
	if idOf(t, first) != idOf(t, again) {
		t.Errorf("done again after the process has died: %s, then %s", first.body, again.body)
	}
	var list struct{ Items []struct{ ID string } }
	s.want(http.StatusOK, "GET", "/shipments", dispo, nil, &list)
	if len(list.Items) != 3 {
		t.Errorf("%d shipments, want 3", len(list.Items))
	}
}

// dying is a store whose process dies before it keeps a reply.
type dying struct{ Store }

func (dying) SaveReply(context.Context, fleet.Reply) error { return context.DeadlineExceeded }

// ahead is a store some minutes later.
type ahead struct{ Store }

func (s ahead) ClaimReply(ctx context.Context, c fleet.Reply, young, running time.Time) (fleet.Reply, bool, bool, error) {
	return s.Store.ClaimReply(ctx, c, young, running.Add(time.Hour))
}
