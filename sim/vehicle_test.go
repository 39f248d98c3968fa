package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVehiclesKeepToTheStreetsOfTheirCity(t *testing.T) {
	for _, name := range Cities() {
		c, err := findCity(name)
		if err != nil {
			t.Fatal(err)
		}
		roads := newNetwork(c, rand.New(rand.NewPCG(1, 0)))
		if len(roads.at) < 500 {
			t.Errorf("%s has only %d junctions", name, len(roads.at))
		}
		for i := range 20 {
			v := newVehicle(roads, rand.New(rand.NewPCG(1, uint64(i))))
			var driven, fastest float64
			stood, headings := 0, map[int]bool{}
			before := v.place()
			for range 3600 {
				v.advance(time.Second)
				p := v.place()
				moved, _ := before.to(p)
				before = p
				if moved > mainStreet*1.1+1 {
					t.Fatalf("%s: a jump of %.0f m in a second", name, moved)
				}
				if r := math.Hypot(p.x, p.y); r > c.radius+100 {
					t.Fatalf("%s: %.0f m from the centre", name, r)
				}
				if h := v.heading(); h < 0 || h >= 360 {
					t.Fatalf("heading %v", h)
				}
				driven += moved
				fastest = max(fastest, v.speed)
				if v.speed == 0 {
					stood++
				}
				headings[int(v.heading()/10)] = true
			}
			if driven < 3000 || driven > 50_000 || fastest < 7 || stood < 30 || len(headings) < 3 {
				t.Errorf("%s: an hour of %.0f m, at most %.1f m/s, %d s standing, %d headings", name, driven, fastest, stood, len(headings))
			}
		}
	}
}

func TestTheSameSeedIsTheSameDay(t *testing.T) {
	day := func() (places []point) {
		c := cities["chicago"]
		v := newVehicle(newNetwork(c, rand.New(rand.NewPCG(7, 0))), rand.New(rand.NewPCG(7, 1)))
		for range 600 {
			v.advance(time.Second)
			places = append(places, v.place())
		}
		return places
	}
	if diff := cmp.Diff(day(), day(), cmp.AllowUnexported(point{})); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

func TestOutbox(t *testing.T) {
	var o outbox
	seqs := func(fixes []fix) (s []int64) {
		for _, f := range fixes {
			s = append(s, f.Seq)
		}
		return s
	}
	for i := range int64(maxWaiting + 5) {
		if dropped, want := o.add(fix{Seq: i + 1}), i >= maxWaiting; (dropped == 1) != want {
			t.Fatalf("add of seq %d dropped %d", i+1, dropped)
		}
	}
	newest := o.take()
	if got := seqs(newest); !slices.Equal(got, []int64{maxWaiting + 5}) {
		t.Errorf("first take: %v, want the newest alone", got)
	}
	oldest := o.take()
	if got := seqs(oldest); len(got) != maxArray || got[0] != 6 {
		t.Errorf("second take: %d from %v, want the oldest %d", len(got), got[0], maxArray)
	}
	o.putBack(oldest)
	o.putBack(newest) // it was sent on its own once; it may go with the rest now
	if got := seqs(o.take()); got[0] != 6 {
		t.Errorf("after putBack: from %v, want 6", got[0])
	}
	if last := o.waiting[len(o.waiting)-1].Seq; last != maxWaiting+5 {
		t.Errorf("newest waiting is %d", last)
	}
}
