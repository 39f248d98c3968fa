package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// TestEvents follows the feed by its cursors: what happens while nobody looks is
// found, once and in order.
func TestEvents(t *testing.T) {
	s, dispo := dispatcher(t)
	var got Events
	s.want(200, "GET", "/events?after=latest", dispo, nil, &got)
	start := got.Next
	for _, id := range []string{"s1", "s2", "s3"} {
		s.want(201, "POST", "/shipments", dispo, map[string]string{"id": id}, nil)
	}
	s.want(201, "POST", "/shipments", s.token("beta", fleet.RoleDispatcher, "rival"), `{"id":"s1"}`, nil)
	var ids []string
	for after := start; ; after = got.Next {
		s.want(200, "GET", "/events?limit=2&kind=shipment&after="+after, dispo, nil, &got)
		if len(got.Items) == 0 {
			break
		}
		for _, e := range got.Items {
			ids = append(ids, e.ID)
			if e.Kind != "shipment.created" || e.Actor != "dispo" || !json.Valid(e.Data) {
				t.Errorf("event %+v", e)
			}
		}
	}
	if strings.Join(ids, " ") != "s1 s2 s3" {
		t.Errorf("the feed holds %v", ids)
	}
	if s.want(200, "GET", "/events?kind=alert.opened&after="+start, dispo, nil, &got); len(got.Items) != 0 {
		t.Errorf("of another kind there are %+v", got.Items)
	}
}

// TestEventsWait has a long poll that is answered by what happens meanwhile, and
// one that nothing happens to.
func TestEventsWait(t *testing.T) {
	s, dispo := dispatcher(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.api.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	var now Events
	s.want(200, "GET", "/events?after=latest", dispo, nil, &now)
	if s.want(200, "GET", "/events?wait=10ms&after="+now.Next, dispo, nil, &now); len(now.Items) != 0 {
		t.Errorf("nothing happened, and there are %+v", now.Items)
	}
	type result struct {
		events Events
		took   time.Duration
	}
	results := make(chan result, 1)
	go func() {
		begin := time.Now()
		req, _ := http.NewRequestWithContext(ctx, "GET", s.URL+prefix+"/events?wait=30s&after="+now.Next, nil)
		req.Header.Set("Authorization", "Bearer "+dispo)
		r := s.send(req)
		var e Events
		r.into(t, &e)
		results <- result{e, time.Since(begin)}
	}()
	for len(s.api.polls) == 0 { // until it waits
		select {
		case <-t.Context().Done():
			t.Fatal("the long poll never waited")
		case r := <-results:
			t.Fatalf("the long poll did not wait: %+v", r)
		case <-time.After(time.Millisecond):
		}
	}
	s.want(201, "POST", "/shipments", dispo, `{"id":"s1"}`, nil)
	s.sequence()
	if r := <-results; len(r.events.Items) != 1 || r.events.Items[0].ID != "s1" || r.took > 10*time.Second {
		t.Errorf("after %v the long poll gives %+v", r.took, r.events)
	}
	for range maxPolls {
		s.api.polls <- struct{}{}
	}
	if r := s.want(503, "GET", "/events?wait=1s&after=latest", dispo, nil, nil); r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After while too many wait")
	}
}

func TestBell(t *testing.T) {
	var b bell
	b.tell() // nobody waits
	one, two := b.wait(), b.wait()
	select {
	case <-one:
		t.Fatal("rung before")
	default:
	}
	b.tell()
	<-one
	<-two
	select {
	case <-b.wait():
		t.Fatal("a ring is heard by who waits later")
	default:
	}
}
