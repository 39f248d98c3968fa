package stream

import (
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// TestLingerEndsWhenEverybodyIsBack has publishers who wait for each
// acknowledgement: a frame waits for all of them, and no longer.
func TestLingerEndsWhenEverybodyIsBack(t *testing.T) {
	var a, b, stranger window
	p := &partition{
		m: newMetrics(nil), maxSize: maxFrameBytes, wake: make(chan struct{}, 1), expected: map[fleet.Acker]struct{}{},
		average: 2, sentAt: time.Now().Add(time.Hour), // so that it is always too early for the next frame
	}
	p.room.L = &p.mu
	frameOf := func(of ...*window) *frame {
		f := &frame{}
		for _, w := range of {
			f.add(&fleet.Publication{}, w, 0)
		}
		return f
	}
	appended := func(w *window, waits bool) {
		t.Helper()
		if err := p.append(&fleet.Publication{}, w, 0); err != nil {
			t.Fatal(err)
		}
		if got := p.linger() > 0; got != waits {
			t.Errorf("the frame waits: %v, want %v", got, waits)
		}
	}
	p.expect(frameOf(&a, &b))
	appended(&a, true)
	appended(&stranger, true)
	appended(&a, true)
	appended(&b, false)
	select {
	case <-p.wake:
	default:
		t.Error("the frame that is complete is not sent")
	}
	p.takeAll()
	p.expect(frameOf(&a))
	appended(&b, true)
	appended(&a, false)
	p.takeAll()
	var many []*window
	for range eagerRecords {
		many = append(many, &window{})
	}
	p.expect(frameOf(many...))
	for _, w := range many[:eagerRecords-1] {
		appended(w, true) // large frames are soon large again: they need no names
	}
}
