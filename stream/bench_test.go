package stream

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A window is one publisher with at most so many appends in flight.
type window struct{ slots chan struct{} }

func (w *window) Appended(uint64, error) { <-w.slots }
func (w *window) Flush()                 {}

// BenchmarkAppend measures appends of 172 bytes, each synced before it counts.
// The drained variants read and acknowledge at the same time.
func BenchmarkAppend(b *testing.B) {
	for _, bb := range []struct {
		publishers, inFlight int
		drain                bool
	}{{1, 1, false}, {8, 1, false}, {200, 1, false}, {200, 16, false}, {200, 16, true}} {
		b.Run(fmt.Sprintf("publishers=%d/inflight=%d/drain=%t", bb.publishers, bb.inFlight, bb.drain), func(b *testing.B) {
			l, err := Open(b.Context(), Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			payload := make([]byte, 172)
			each := max(b.N/bb.publishers, 1)
			var publishers, drain sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for i := range bb.publishers {
				publishers.Go(func() {
					driver := fmt.Sprintf("d%d", i)
					p := fleet.Publication{
						Topic: fleet.DriverTopic("acme", driver, "location"), Payload: payload, ReceivedAt: time.Now(),
						Fleet: "acme", Subject: driver, Role: fleet.RoleDriver, Driver: driver, Node: "n1",
					}
					w := &window{make(chan struct{}, bb.inFlight)}
					for n := range each {
						w.slots <- struct{}{}
						if err := l.Append(p, w, uint64(n)); err != nil {
							b.Error(err)
							return
						}
					}
					for range bb.inFlight { // until the last is acknowledged
						w.slots <- struct{}{}
					}
				})
			}
			if bb.drain {
				r, err := l.Reader(b.Context(), 0, 0)
				if err != nil {
					b.Fatal(err)
				}
				drain.Go(func() {
					for left := each * bb.publishers; left > 0; {
						rs, err := r.Fetch(b.Context(), 5000, 200*time.Millisecond)
						if err != nil {
							b.Error(err)
							return
						}
						left -= len(rs)
						r.Ack(rs[len(rs)-1].Seq)
					}
					r.Close()
				})
			}
			publishers.Wait()
			b.StopTimer()
			b.ReportMetric(float64(each*bb.publishers)/b.Elapsed().Seconds(), "appends/s")
			drain.Wait()
		})
	}
}
