package ingest_test

import (
	"context"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/stream"
)

// TestWhatIsSentAgainAfterAnErasureIsStored erases a driver whose reports the
// worker remembers. Its phone sends them once more, and others of the same time.
func TestWhatIsSentAgainAfterAnErasureIsStored(t *testing.T) {
	onBothStores(t, func(t *testing.T, open opener) {
		r := newRigOn(t, t.TempDir(), stream.SyncAlways, open)
		w := ingest.New(r.log, r.store, ingest.Options{MinInterval: 5 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		upload := func() {
			for _, payload := range backlog(600, 200, true) {
				r.publish(says("d7", "location", "%s", payload))
			}
			r.publish(says("d7", "location", "[%s,%s]", fixAt(2), fixAt(902)), says("last", "health", `{"battery_pct":1}`))
			r.await(func(b *fleet.Batch) bool { return len(b.Reports) > 0 })
		}
		upload()
		before := len(r.track("d7"))
		if _, err := r.store.EraseDriver(t.Context(), "acme", "d7", fleet.AuditEntry{Actor: "admin"}); err != nil {
			t.Fatal(err)
		}
		w.Erased("acme", "d7")
		upload()
		if n := len(r.track("d7")); n != before || n != 121 {
			t.Errorf("%d positions are stored after an erasure, %d were before; want 121", n, before)
		}
		d, err := r.store.Driver(t.Context(), "acme", "d7")
		if err != nil || d.Position == nil || !d.Position.FixAt.Equal(noon.Add(902*time.Second)) {
			t.Errorf("the latest position is %v, %v; want the one of 902 s", d.Position, err)
		}
	})
}
