package postgres

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/postgrestest"
)

// numbered returns fixes of one source and boot, a second apart.
func numbered(seqs ...int64) *fleet.Batch {
	b := &fleet.Batch{}
	for _, seq := range seqs {
		at := noon.Add(time.Duration(seq) * time.Second)
		b.Positions = append(b.Positions, fleet.Position{Fleet: "acme", Driver: "d1", ReceivedAt: at,
			Fix: fleet.Fix{FixAt: at, Lat: 1, Lon: 2, Boot: "b", Seq: seq, HasSeq: true}})
	}
	return b
}

// openWriters returns stores of one database.
func openWriters(t *testing.T, n int) []*Store {
	t.Helper()
	url := postgrestest.URL(t)
	var writers []*Store
	for range n {
		s, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		writers = append(writers, s)
	}
	return writers
}

// Two programs that both remember the ledger of a source count each number once,
// whoever of them saves it, and know what never came.
func TestLedgerOfTwoWriters(t *testing.T) {
	writers := openWriters(t, 2)
	rng := rand.New(rand.NewPCG(5, 6))
	arrived := map[int64]bool{}
	for next := int64(0); next < 60; {
		var seqs []int64
		fresh := map[int64]bool{}
		for range 1 + rng.IntN(4) {
			seq := next
			if rng.IntN(3) == 0 {
				seq = rng.Int64N(next + 1)
			} else {
				next += 1 + rng.Int64N(2) // a gap now and then
			}
			seqs = append(seqs, seq)
			if !arrived[seq] {
				fresh[seq] = true
			}
		}
		saveBatch(t, writers[rng.IntN(2)], numbered(seqs...), fleet.Saved{Positions: len(fresh), Duplicates: len(seqs) - len(fresh)})
		for seq := range fresh {
			arrived[seq] = true
		}
	}
	gaps, err := writers[0].Gaps(t.Context(), fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: noon, To: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	missing, last := map[int64]bool{}, int64(0)
	for _, g := range gaps {
		for seq := g.FirstSeq; seq <= g.LastSeq; seq++ {
			missing[seq] = true
		}
	}
	for seq := range arrived {
		last = max(last, seq)
	}
	for seq := range last {
		if arrived[seq] == missing[seq] {
			t.Errorf("number %d: arrived %t, missing %t", seq, arrived[seq], missing[seq])
		}
	}
}

// A program that remembers less than has arrived does not set a ledger back.
func TestLedgerBehind(t *testing.T) {
	writers := openWriters(t, 3)
	saveBatch(t, writers[0], numbered(1), fleet.Saved{Positions: 1})
	saveBatch(t, writers[1], numbered(2, 3), fleet.Saved{Positions: 2})
	saveBatch(t, writers[0], numbered(2), fleet.Saved{Duplicates: 1})
	saveBatch(t, writers[2], numbered(4), fleet.Saved{Positions: 1})
	gaps, err := writers[0].Gaps(t.Context(), fleet.TrackQuery{Fleet: "acme", Driver: "d1", From: noon, To: noon.Add(time.Hour)})
	if err != nil || len(gaps) > 0 {
		t.Errorf("gaps %+v, error %v, want none", gaps, err)
	}
}

// What is remembered is not believed without the database: one that was set back
// meanwhile gets again what it has lost.
func TestDatabaseSetBack(t *testing.T) {
	s := openMigrated(t)
	saveBatch(t, s, numbered(1, 2, 3), fleet.Saved{Positions: 3})
	saveBatch(t, s, numbered(2, 3), fleet.Saved{Duplicates: 2})
	if _, err := s.pool.Exec(t.Context(), "DELETE FROM positions; UPDATE sources SET first_seq = NULL, last_seq = NULL"); err != nil {
		t.Fatal(err)
	}
	saveBatch(t, s, numbered(2, 3), fleet.Saved{Positions: 2})
	saveBatch(t, s, numbered(2, 3, 4), fleet.Saved{Positions: 1, Duplicates: 2})
}
