package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

func TestReplay(t *testing.T) {
	s := serve(t)
	s.save(&fleet.Batch{Positions: append(fixes("d1", 3), fixes("d2", 2)...)})
	token := s.token("acme", fleet.RoleDispatcher, "dispo")
	first, err := s.store.ReplayAt(t.Context(), "acme", time.Now().AddDate(1, 0, 0))
	if err != nil || len(first) != 0 {
		t.Fatalf("far from everything: %v, error %v", first, err)
	}
	from := fixes("d1", 1)[0].FixAt

	var m Moment
	s.do("GET", "/replay?at="+from.Format(time.RFC3339Nano), token, nil).into(t, &m)
	if len(m.Items) != 2 || m.Items[0].Driver != "d1" || !m.Items[0].FixAt.Equal(from) {
		t.Errorf("GET /replay = %+v, want d1 and d2 at %v", m, from)
	}

	span := "?from=" + from.Format(time.RFC3339Nano) + "&to=" + from.Add(time.Hour).Format(time.RFC3339Nano)
	for _, speed := range []string{"", "&speed=3600"} {
		r := s.do("GET", "/replay/stream"+span+speed, token, nil)
		if got := r.Header.Get("Content-Type"); got != "application/x-ndjson; charset=utf-8" {
			t.Errorf("content type %q", got)
		}
		lines := strings.Split(strings.TrimSpace(string(r.body)), "\n")
		if len(lines) != 5 {
			t.Fatalf("%d lines, want 5: %s", len(lines), r.body)
		}
		last := from
		for _, line := range lines {
			var item ReplayedItem
			if err := json.Unmarshal([]byte(line), &item); err != nil || item.FixAt.Before(last) {
				t.Fatalf("line %s: error %v, or not in the order of time", line, err)
			}
			last = item.FixAt.Time
		}
	}
	for query, field := range map[string]string{
		"?from=2026-05-01T00:00:00Z&to=2026-05-03T00:00:00Z":         "query.from",
		"?from=2026-05-01T00:00:00Z&to=2026-05-01T10:00:00Z&speed=1": "query.speed",
	} {
		if r := s.do("GET", "/replay/stream"+query, token, nil); r.StatusCode != 422 || !strings.Contains(string(r.body), field) {
			t.Errorf("GET /replay/stream%s = %d %s, want 422 for %s", query, r.StatusCode, r.body, field)
		}
	}
}

func TestTrips(t *testing.T) {
	s := serve(t)
	all := fixes("d1", 20)
	for i := range all { // 200 metres in ten seconds, and then nothing for half an hour
		all[i].FixAt = all[0].FixAt.Add(time.Duration(i) * 10 * time.Second)
		all[i].Lat, all[i].Lon, all[i].Accuracy = 59+float64(i)*200/111_195, 18, fleet.Some(5)
	}
	s.save(&fleet.Batch{Positions: all})
	var trips Trips
	s.do("GET", "/drivers/d1/trips?to="+all[0].FixAt.Add(time.Hour).Format(time.RFC3339Nano), s.token("acme", fleet.RoleDriver, "d1"), nil).into(t, &trips)
	if len(trips.Trips) != 1 || trips.Trips[0].Ended != "gap" || trips.Trips[0].Distance < 3700 || trips.Trips[0].Distance > 3900 {
		t.Errorf("trips %+v, want one of about 3800 metres", trips)
	}
}
