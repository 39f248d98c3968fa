package ingest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/sqlite"
)

// A witness notes how many positions came with each batch that is saved.
type witness struct {
	Store
	positions []int
}

func (w *witness) SaveBatch(ctx context.Context, b *fleet.Batch) (fleet.Saved, error) {
	w.positions = append(w.positions, len(b.Positions))
	return w.Store.SaveBatch(ctx, b)
}

func TestNewestOfABacklogIsSavedFirst(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "dray.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := &witness{Store: s}
	l := &lane{Worker: New(nil, seen, Options{}), logger: slog.Default()}
	now := time.Now().UTC().Truncate(time.Second)
	w := &work{positions: gentleItems}
	for i := range gentleItems {
		p := fleet.Position{Fleet: "acme", Driver: "d1", ReceivedAt: now, Fix: fleet.Fix{FixAt: now.Add(time.Duration(i-gentleItems) * time.Second), Lat: 59, Lon: 18}}
		w.items = append(w.items, &item{positions: []fleet.Position{p}, latest: &p})
	}
	if err := l.save(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if len(seen.positions) != 2 || seen.positions[0] != 0 || seen.positions[1] != gentleItems {
		t.Errorf("batches of %v positions were saved, want the latest alone first", seen.positions)
	}
}
