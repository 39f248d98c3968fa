package ingest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestABacklogGivesWay(t *testing.T) {
	const (
		batch = 100 * time.Millisecond // to gather one
		save  = 200 * time.Millisecond
		slow  = time.Minute
	)
	for name, tt := range map[string]struct {
		gentle bool
		live   *traffic // nil while there is no backlog; until the batch is saved unless ceased
		ceased bool
		save   time.Duration
		want   time.Duration
		after  bool // is the next batch a small one?
	}{
		"no backlog":                            {save: save, want: batch},
		"others report":                         {live: &traffic{rate: 1000}, save: save, want: 375 * time.Millisecond, after: true},
		"before it is known whether they do":    {gentle: true, live: &traffic{}, save: save, want: 375 * time.Millisecond, after: true},
		"they have ceased":                      {live: &traffic{}, ceased: true, save: save, want: batch + save},
		"the backlog is done":                   {gentle: true, save: save, want: batch + save},
		"the backlog would hardly shrink":       {live: &traffic{rate: 1e6}, save: save, want: batch + save, after: true},
		"a store that is slow costs no minutes": {live: &traffic{rate: 100}, save: slow, want: batch + slow, after: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &lane{gentle: tt.gentle}
				began := time.Now()
				time.Sleep(batch)
				w := &work{saved: make(chan struct{}), bytes: leastPace * 3 / 8}
				go func() {
					time.Sleep(tt.save)
					close(w.saved)
				}()
				if tt.live != nil {
					tt.live.at = time.Now().Add(tt.save)
					if tt.ceased {
						tt.live.at = began.Add(-trafficLasts)
					}
					l.scout.live.Store(tt.live)
				}
				l.giveWay(t.Context(), w, began)
				if took := time.Since(began); took != tt.want || l.gentle != tt.after {
					t.Errorf("the next batch begins after %v, gently %v; want %v, %v", took, l.gentle, tt.want, tt.after)
				}
				<-w.saved
			})
		})
	}
}
