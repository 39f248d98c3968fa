package ingest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

// A slowStore takes a second for so many positions, and gives up after 30.
type slowStore struct {
	Store
	perSecond int
	saved     map[string]int // by driver
	offset    *fleet.Offset
}

func (s *slowStore) SaveBatch(_ context.Context, b *fleet.Batch) (fleet.Saved, error) {
	took := time.Duration(len(b.Positions)) * time.Second / time.Duration(s.perSecond)
	time.Sleep(min(took, 30*time.Second))
	if took > 30*time.Second {
		return fleet.Saved{}, errors.New("canceling statement due to statement timeout")
	}
	for _, p := range b.Positions {
		s.saved[p.Driver]++
	}
	if b.Offset != nil {
		s.offset = b.Offset
	}
	return fleet.Saved{Positions: len(b.Positions)}, nil
}

// TestSlowStoreGetsOn has a store that cannot take a whole batch in the time that
// it has for one. Nothing is lost or saved twice, the offset comes last, and
// the next batch does not begin with the same failures.
func TestSlowStoreGetsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		s := &slowStore{perSecond: 10, saved: map[string]int{}}
		l := testLane(0)
		l.store = s
		var took []time.Duration
		for seq := range uint64(2) {
			w := &work{last: seq + 1, records: n}
			for i := range n {
				p := fleet.Position{Fleet: "acme", Driver: fmt.Sprintf("%d-%d", seq, i)}
				w.items = append(w.items, &item{Record: stream.Record{}, positions: []fleet.Position{p}})
			}
			began := time.Now()
			if err := l.save(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
			if s.offset == nil || s.offset.Seq != seq+1 || len(s.saved) != n*int(seq+1) {
				t.Fatalf("%d are saved with the offset %+v, want %d", len(s.saved), s.offset, n*(seq+1))
			}
		}
		for d, times := range s.saved {
			if times != 1 {
				t.Errorf("%s is saved %d times", d, times)
			}
		}
		const need = n / 10 * time.Second
		if took[0] > 3*need || took[1] > 2*need {
			t.Errorf("the batches took %v, of which %v were work", took, need)
		}
		s.perSecond = 1e6
		for range 50 {
			w := &work{last: 3, items: make([]*item, 50_000)}
			for i := range w.items {
				w.items[i] = &item{}
			}
			if err := l.save(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		}
		if l.most != 0 {
			t.Errorf("a fast store is given %d at once, want all", l.most)
		}
	})
}
