package chaos

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// A watcher is a dispatcher that looks at every position as it comes, and
// connects again when it must. The live output may miss some (it is QoS 0) and
// may show one again that was sent again; what it must not do is show a
// driver's reports in another order than they were sent.
type watcher struct {
	rig *rig

	mu         sync.Mutex
	newest     map[[2]string]int64 // the highest seq seen of driver and boot
	seen       map[report]struct{}
	inversions int
	repeats    int
	last       time.Time
}

func (r *rig) newWatcher() *watcher {
	return &watcher{rig: r, newest: map[[2]string]int64{}, seen: map[report]struct{}{}}
}

func (w *watcher) run(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := w.rig.dialAs(ctx, "dispatcher", "dana", w.hear)
		if err == nil {
			if err = c.subscribe("fleet/" + fleetID + "/drivers/+/location"); err == nil {
				select {
				case <-c.gone:
				case <-ctx.Done():
				}
			}
			c.close()
		}
		_ = wait(ctx, 100*time.Millisecond) // the loop asks ctx
	}
}

// hear judges the order of the canaries: other drivers send their newest fix
// first and what they could not send before after it, by intention.
func (w *watcher) hear(topic string, payload []byte) {
	parts := strings.Split(topic, "/")
	var fix struct {
		Boot string `json:"boot"`
		Seq  int64  `json:"seq"`
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	if len(parts) != 5 || json.Unmarshal(payload, &fix) != nil || fix.Boot == "" {
		return
	}
	r := report{parts[3], fix.Boot, fix.Seq}
	if _, again := w.seen[r]; again {
		w.repeats++
		return
	}
	w.seen[r] = struct{}{}
	if !strings.HasPrefix(r.driver, canaryPrefix) {
		return
	}
	key := [2]string{r.driver, r.boot}
	if fix.Seq < w.newest[key] {
		w.inversions++
		return
	}
	w.newest[key] = fix.Seq
}

func (w *watcher) heardSince(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last.After(t)
}

func (w *watcher) counts() (inversions, repeats, seen int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.inversions, w.repeats, len(w.seen)
}
