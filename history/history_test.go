package history

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-fleet/dray/fleet"
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
	k := New(s, Options{Dir: t.TempDir()})
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

func TestFullAt(t *testing.T) {
	day := func(n int, bytes int64) fleet.Usage { return fleet.Usage{Day: noon.AddDate(0, 0, n), Bytes: bytes} }
	for _, tt := range []struct {
		name  string
		usage []fleet.Usage
		want  time.Time
	}{
		{"nothing known", nil, time.Time{}},
		{"one day", []fleet.Usage{day(0, 100)}, time.Time{}},
		{"it shrinks", []fleet.Usage{day(-1, 100), day(0, 50)}, time.Time{}},
		{"ten a day", []fleet.Usage{day(-2, 100), day(-1, 119), day(0, 120)}, noon.AddDate(0, 0, 100)},
		{"one a week", []fleet.Usage{day(-7, 100), day(0, 101)}, noon.AddDate(0, 0, 7000)},
	} {
		if got := fullAt(tt.usage, 1000, noon); !got.Equal(tt.want) {
			t.Errorf("fullAt, %s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
