package ingest

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// at returns a fix so many seconds after noon, moving east.
func at(seconds float64) fleet.Fix {
	return fleet.Fix{
		FixAt: noon.Add(time.Duration(seconds * float64(time.Second))), Lat: 59.3, Lon: 18,
		Speed: fleet.Some(10), Heading: fleet.Some(90),
	}
}

func turned(f fleet.Fix, heading float64) fleet.Fix { f.Heading = fleet.Some(heading); return f }
func standingStill(f fleet.Fix) fleet.Fix           { f.Speed, f.Heading = fleet.Some(0), fleet.Opt{}; return f }

func testLane(interval time.Duration) *lane {
	w := New(nil, nil, Options{MinInterval: interval, Logger: slog.Default()})
	return &lane{Worker: w, id: "test", memory: newMemory(), logger: w.opts.Logger}
}

// judged runs each slice of fixes as one batch of one publication and returns
// the fix times that go into history, in their order.
func judged(l *lane, batches ...[]fleet.Fix) (kept []time.Duration) {
	for _, fixes := range batches {
		for _, p := range judgedBatch(l, fixes).Positions {
			kept = append(kept, p.FixAt.Sub(noon))
		}
	}
	slices.Sort(kept)
	return kept
}

func judgedBatch(l *lane, fixes []fleet.Fix) *fleet.Batch {
	return judgedBatchAt(l, noon.Add(24*time.Hour), fixes...)
}

func judgedBatchAt(l *lane, received time.Time, fixes ...fleet.Fix) *fleet.Batch {
	c := &chunk{records: []stream.Record{{Publication: fleet.Publication{
		Topic: fleet.DriverTopic("acme", "d7", "location"), Payload: codec.AppendFixes(nil, fixes), ReceivedAt: received, Decoded: true,
	}}}}
	l.take(c, 0)
	var w work
	l.finish(c, &w)
	return assemble(w.items, nil)
}

func TestThin(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fixes []fleet.Fix
		want  []float64
	}{
		{"one a second leaves one in five", []fleet.Fix{at(0), at(1), at(2), at(3), at(4), at(5), at(6)}, []float64{0, 5}},
		{"a late fix goes where it belongs", []fleet.Fix{at(60), at(61), at(10), at(11)}, []float64{10, 60}},
		{"a turn is kept", []fleet.Fix{at(0), turned(at(1), 100), turned(at(2), 121)}, []float64{0, 2}},
		{"a turn through north is measured the short way", []fleet.Fix{turned(at(0), 350), turned(at(1), 10), turned(at(2), 25)}, []float64{0, 2}},
		{"a stop and a start are kept", []fleet.Fix{at(0), standingStill(at(1)), standingStill(at(2)), at(3)}, []float64{0, 1, 3}},
		{"creeping is no change", []fleet.Fix{standingStill(at(0)), {FixAt: noon.Add(time.Second), Speed: fleet.Some(1)}}, []float64{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want []time.Duration
			for _, s := range tt.want {
				want = append(want, time.Duration(s*float64(time.Second)))
			}
			single := testLane(5 * time.Second)
			var live []time.Duration
			for _, f := range tt.fixes {
				live = append(live, judged(single, []fleet.Fix{f})...)
			}
			slices.Sort(live)
			if !slices.Equal(live, want) {
				t.Errorf("one by one kept %v, want %v", live, want)
			}
		})
	}
}

// drawDrive draws a drive of at most two minutes: what a source remembers.
func drawDrive(t *rapid.T) []fleet.Fix {
	steps := rapid.SliceOfN(rapid.IntRange(1, 3000), 1, 40).Draw(t, "steps in ms")
	headings := rapid.SliceOfN(rapid.Float64Range(0, 359), len(steps), len(steps)).Draw(t, "headings")
	var fixes []fleet.Fix
	elapsed := 0
	for i, s := range steps {
		elapsed += s
		fixes = append(fixes, turned(at(float64(elapsed)/1000), headings[i]))
	}
	return fixes
}

// An hour's backlog comes in arrays, most often the newest first, and each may be
// a batch of its own: where they meet no slot has two fixes.
func TestArraysOfABacklogMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 3600
		begin, size := rapid.IntRange(0, 4).Draw(t, "begin"), rapid.IntRange(250, 600).Draw(t, "size")
		var arrays [][]fleet.Fix
		for from := 0; from < n; from += size {
			var fixes []fleet.Fix
			for i := from; i < min(from+size, n); i++ {
				fixes = append(fixes, at(float64(begin+i)))
			}
			arrays = append(arrays, fixes)
		}
		order := make([]int, len(arrays))
		for i := range order {
			order[i] = len(order) - 1 - i
		}
		sent := [][]fleet.Fix{{at(float64(begin + n))}}
		for _, i := range rapid.Permutation(order).Draw(t, "order") {
			sent = append(sent, arrays[i])
		}
		kept := judged(testLane(5*time.Second), sent...)
		for i := 1; i < len(kept); i++ {
			if kept[i-1]/(5*time.Second) == kept[i]/(5*time.Second) {
				t.Fatalf("arrays of %d: both %v and %v are kept", size, kept[i-1], kept[i])
			}
		}
	})
}

func TestBacklogIsThinnedAsLiveTraffic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drive := drawDrive(t)
		live := testLane(5 * time.Second)
		var want []time.Duration
		for _, f := range drive {
			want = append(want, judged(live, []fleet.Fix{f})...)
		}
		shuffled := rapid.Permutation(drive).Draw(t, "shuffled")
		if got := judged(testLane(5*time.Second), shuffled); !slices.Equal(got, want) {
			t.Fatalf("as a backlog %v is kept, live %v", got, want)
		}
	})
}

func TestRepeatsAreDropped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drive := drawDrive(t)
		if rapid.Bool().Draw(t, "numbered") {
			for i := range drive {
				drive[i].Boot, drive[i].Seq, drive[i].HasSeq = "b1", int64(i), true
			}
		}
		l := testLane(5 * time.Second)
		first := judged(l, drive)
		if again := judged(l, rapid.Permutation(drive).Draw(t, "again")); len(again) > 0 {
			t.Fatalf("sent again, %v is kept", again)
		}
		if fresh := judged(testLane(5*time.Second), drive, drive); !slices.Equal(fresh, first) {
			t.Fatalf("another worker keeps %v, the first kept %v", fresh, first)
		}
	})
}

func TestWithoutTurnsOneFixASlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var batches [][]fleet.Fix
		for _, s := range rapid.SliceOfN(rapid.IntRange(0, 120_000), 1, 60).Draw(t, "ms, in the order of arrival") {
			batches = append(batches, []fleet.Fix{at(float64(s) / 1000)})
		}
		slots, want := map[time.Duration]bool{}, map[time.Duration]bool{}
		for _, b := range batches {
			want[b[0].FixAt.Sub(noon)/(5*time.Second)] = true
		}
		for _, at := range judged(testLane(5*time.Second), batches...) {
			if slots[at/(5*time.Second)] {
				t.Fatalf("slot of %v has two", at)
			}
			slots[at/(5*time.Second)] = true
		}
		if !reflect.DeepEqual(slots, want) {
			t.Fatalf("slots %v are kept, want %v", slots, want)
		}
	})
}

func TestLatestAndReceiptsOfThinnedFixes(t *testing.T) {
	drive := []fleet.Fix{at(0), at(1), at(2)}
	for i := range drive {
		drive[i].Boot, drive[i].Seq, drive[i].HasSeq = "b1", int64(i), true
	}
	b := judgedBatch(testLane(5*time.Second), drive)
	if len(b.Latest) != 1 || !b.Latest[0].FixAt.Equal(drive[2].FixAt) {
		t.Errorf("latest is %+v, want the newest fix although it is thinned", b.Latest)
	}
	if len(b.Receipts) != 1 || b.Receipts[0].First != 1 || b.Receipts[0].Last != 2 || b.Thinned[fleet.Source{Fleet: "acme", Driver: "d7"}] != 2 {
		t.Errorf("thinned %v with receipts %+v, want 2 as one run", b.Thinned, b.Receipts)
	}
	if b := judgedBatch(testLane(0), drive); len(b.Positions) != 3 || len(b.Thinned) != 0 {
		t.Errorf("without an interval %d are kept and %v thinned", len(b.Positions), b.Thinned)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	first := m.of("acme", "first", nil)
	for i := range 3 * rememberedSources {
		m.of("acme", fmt.Sprint(rand.N(1<<40)), nil)
		if i%1000 == 0 && m.of("acme", "first", nil) != first {
			t.Fatal("a source in use was forgotten")
		}
	}
	if n := len(m.young) + len(m.old); n > 2*rememberedSources {
		t.Errorf("%d sources are remembered", n)
	}
}

func TestSkimLeavesOutTheMiddleOfABacklog(t *testing.T) {
	var records []stream.Record
	add := func(topic string, size int) {
		records = append(records, stream.Record{Publication: fleet.Publication{Topic: topic, Payload: make([]byte, size)}, Seq: uint64(len(records))})
	}
	for range 3 {
		add("a", 40_000)
		add("b", 40_000)
		add("a", 100)
	}
	add("c", 40_000)
	var got []uint64
	skim(records, func(r *stream.Record) { got = append(got, r.Seq) })
	slices.Sort(got)
	if want := []uint64{0, 1, 2, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v: all small ones, and the first and last array of each", got, want)
	}
}
