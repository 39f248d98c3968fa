package chaos

import (
	"context"
	"crypto/rand"
	"time"
)

// A flood keeps the stream busy, so that a kill always hits an append half-way:
// a driver that says a burst of reports at once, again and again, and says again
// what was not acknowledged.
func (r *rig) flood(ctx context.Context, driver string) {
	const burst, pause = 16, 5 * time.Millisecond
	var link *client
	boot, seq := rand.Text()[:12], int64(0)
	base := time.Now().Add(-time.Hour)
	var open []int64 // sent and not acknowledged
	for ctx.Err() == nil {
		if link == nil {
			var err error
			if link, err = r.dialDriver(ctx, driver, nil); err != nil {
				link = nil
				_ = wait(ctx, 100*time.Millisecond) // ctx is asked above
				continue
			}
		}
		for len(open) < burst {
			seq++
			r.account.noteSent(report{driver, boot, seq})
			open = append(open, seq)
		}
		answers := make([]<-chan error, len(open))
		for i, seq := range open {
			at := base.Add(time.Duration(seq) * 10 * time.Millisecond)
			answers[i] = link.send(r.locationTopic(driver), fixPayload(at, boot, seq, nil), 0, false)
		}
		var again []int64
		for i, answer := range answers {
			if within(answer, 30*time.Second) == nil {
				r.account.noteAcked(report{driver, boot, open[i]})
			} else {
				again = append(again, open[i])
			}
		}
		if open = again; len(open) > 0 {
			link.close()
			link = nil
		}
		_ = wait(ctx, pause) // the loop asks ctx
	}
	if link != nil {
		link.close()
	}
}
