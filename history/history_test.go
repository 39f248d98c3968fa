package history

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/postgres"
	"github.com/dray-fleet/dray/store/postgrestest"
	"github.com/dray-fleet/dray/store/sqlite"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "dray.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// report stores a position an hour, from so many days before noon up to noon.
func report(t *testing.T, s *sqlite.Store, days int) {
	t.Helper()
	var b fleet.Batch
	for h := range days*24 + 1 {
		at := noon.Add(-time.Duration(h) * time.Hour)
		p := fleet.Position{Fleet: "acme", Driver: "d1", ReceivedAt: at, Fix: fleet.Fix{FixAt: at, Lat: 1, Lon: 2}}
		b.Positions, b.Latest = append(b.Positions, p), append(b.Latest, p)
	}
	if _, err := s.SaveBatch(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
}

func openPostgres(t *testing.T) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func count(t *testing.T, s *sqlite.Store) (n int) {
	t.Helper()
	q := fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: noon.AddDate(-1, 0, 0), To: noon.AddDate(9, 0, 0)}
	if err := s.Track(t.Context(), q, func(*fleet.Position) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLook(t *testing.T) {
	steady := fleet.RetentionClock{Seen: noon, Steady: noon.AddDate(0, 0, -3)}
	for _, tt := range []struct {
		name   string
		c      fleet.RetentionClock
		now    time.Time
		since  time.Time
		steady bool
	}{
		{"the first look", fleet.RetentionClock{}, noon, noon, false},
		{"an hour later", steady, noon.Add(time.Hour), steady.Steady, true},
		{"not steady for long enough", fleet.RetentionClock{Seen: noon, Steady: noon}, noon.Add(time.Hour), noon, false},
		{"two days later", steady, noon.AddDate(0, 0, 2), noon.AddDate(0, 0, 2), false},
		{"ten years later", steady, noon.AddDate(10, 0, 0), noon.AddDate(10, 0, 0), false},
		{"an hour earlier", steady, noon.Add(-time.Hour), noon.Add(-time.Hour), false},
		{"another machine's clock", steady, noon.Add(-time.Second), steady.Steady, true},
	} {
		got, ok := look(tt.c, tt.now)
		if diff := cmp.Diff(fleet.RetentionClock{Seen: tt.now, Steady: tt.since}, got); diff != "" || ok != tt.steady {
			t.Errorf("look, %s: steady %v, want %v (-want +got):\n%s", tt.name, ok, tt.steady, diff)
		}
	}
}

// Retention removes what is over its limit, once the clock has gone steadily for
// a day, and never because the clock says something else.
func TestExpireBelievesNoJump(t *testing.T) {
	s := open(t)
	report(t, s, 60)
	all := count(t, s)
	if err := s.SaveRetention(t.Context(), fleet.Retention{Fleet: "acme", PackedMonths: 1}); err != nil {
		t.Fatal(err)
	}
	k := New(s, Options{})
	run := func(now time.Time, want int) {
		t.Helper()
		if err := k.expire(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if got := count(t, s); got != want {
			t.Fatalf("at %v: %d positions are left, want %d", now, got, want)
		}
	}
	run(noon, all)
	run(noon.Add(12*time.Hour), all)
	plan, err := k.Plan(t.Context(), noon.Add(24*time.Hour))
	if err != nil || len(plan) != 1 || !plan[0].Before.Equal(time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("plan %+v, error %v", plan, err)
	}
	left := all - int(plan[0].Positions)
	if left >= all || left < 29*24 {
		t.Fatalf("the plan leaves %d of %d positions", left, all)
	}
	run(noon.Add(24*time.Hour), left)
	future := noon.AddDate(5, 0, 0)
	run(future, left)
	// Even a clock that stays wrong cannot reach beyond a day after the newest position.
	for h := range 30 {
		run(future.Add(time.Duration(h+1)*time.Hour), left)
	}
}

// What was packed reads as before, and its trips are kept.
func TestPack(t *testing.T) {
	s := open(t)
	report(t, s, 2)
	before := count(t, s)
	k := New(s, Options{})
	if err := k.pack(t.Context(), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s); got != before {
		t.Errorf("%d positions after packing, want %d", got, before)
	}
	if n, err := s.Unpack(t.Context()); err != nil || n != before-1 {
		t.Errorf("%d were packed, error %v, want all but those of the hour that is not over", n, err)
	}
}

func TestForecast(t *testing.T) {
	day := func(n float64, bytes int64) fleet.Usage {
		return fleet.Usage{At: noon.Add(time.Duration(n * 24 * float64(time.Hour))), Bytes: bytes}
	}
	for _, tt := range []struct {
		name        string
		usage       []fleet.Usage
		bytes, free int64
		want        fleet.Forecast
	}{
		{"nothing known", nil, 100, 1000, fleet.Forecast{}},
		{"half an hour", []fleet.Usage{day(-0.02, 50)}, 100, 1000, fleet.Forecast{}},
		{"it shrinks", []fleet.Usage{day(-1, 100)}, 50, 1000, fleet.Forecast{Daily: -50}},
		{"ten a day", []fleet.Usage{day(-2, 100), day(-1, 119)}, 120, 1000, fleet.Forecast{Daily: 10, FullAt: noon.AddDate(0, 0, 100)}},
		{"an hour", []fleet.Usage{day(-1.0/24, 100)}, 110, 1200, fleet.Forecast{Daily: 240, FullAt: noon.AddDate(0, 0, 5)}},
		{"full", []fleet.Usage{day(-2, 100)}, 120, 0, fleet.Forecast{Daily: 10, FullAt: noon}},
		{"in a thousand years", []fleet.Usage{day(-2, 100)}, 120, 3_650_000, fleet.Forecast{Daily: 10}},
		{"another machine's disk", []fleet.Usage{day(-2, 100)}, 120, -1, fleet.Forecast{Daily: 10}},
	} {
		tt.want.Bytes, tt.want.Free, tt.want.HasFree = tt.bytes, max(tt.free, 0), tt.free >= 0
		if tt.want.Daily != 0 {
			tt.want.Since = tt.usage[0].At
		}
		if diff := cmp.Diff(tt.want, forecast(tt.usage, tt.bytes, tt.free, noon)); diff != "" {
			t.Errorf("forecast, %s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A pass notes the size, and the date follows from two of them: on either
// database, whose disk is this machine's, or by what it may take at most.
func TestDiskFullOn(t *testing.T) {
	for name, s := range map[string]Store{"sqlite": open(t), "postgres": openPostgres(t)} {
		now := time.Now()
		size, err := s.Space(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SaveUsage(t.Context(), fleet.Usage{At: now.AddDate(0, 0, -2), Bytes: size.Bytes / 2}); err != nil {
			t.Fatal(err)
		}
		if f, err := New(s, Options{}).Forecast(t.Context(), now); err != nil || f.Daily == 0 || f.HasFree != (size.Folder != "") {
			t.Errorf("%s: forecast %+v, error %v, want the free space of this disk", name, f, err)
		}
		k := New(s, Options{MaxBytes: size.Bytes * 2})
		f, err := k.Forecast(t.Context(), now)
		if err != nil || f.FullAt.Before(now.AddDate(0, 0, 2)) || f.FullAt.After(now.AddDate(0, 0, 6)) {
			t.Errorf("%s: forecast %+v, error %v, want it full in about four days", name, f, err)
		}
		if err := k.warn(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if usage, err := s.Usage(t.Context(), now.Add(-time.Hour)); err != nil || len(usage) != 1 {
			t.Errorf("%s: usage %+v, error %v, want one of now", name, usage, err)
		}
	}
}

// Who asks for it gets what the plan says removed at once, of that fleet alone.
func TestRemove(t *testing.T) {
	s := open(t)
	report(t, s, 60)
	all, k := count(t, s), New(s, Options{})
	if done, err := k.Remove(t.Context(), fleet.Retention{Fleet: "other", PackedMonths: 1}, noon); err != nil || done.Positions != 0 || count(t, s) != all {
		t.Errorf("removed %+v of another fleet, error %v", done, err)
	}
	done, err := k.Remove(t.Context(), fleet.Retention{Fleet: "acme", PackedMonths: 1}, noon.AddDate(5, 0, 0))
	if err != nil || done.Positions == 0 || done.Positions > 31*24 || count(t, s) != all-int(done.Positions) {
		t.Errorf("removed %+v, error %v, %d of %d are left", done, err, count(t, s), all)
	}
}
