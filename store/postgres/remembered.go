package postgres

import (
	"sync"

	"github.com/dray-fleet/dray/store/internal/ledger"
)

// maxRemembered bounds remembered ledgers, to some 7 MB; when they are more, it
// begins again.
const maxRemembered = 100_000

// remembered are ledgers as this program committed them, of those without a gap,
// which are nearly all. Another writer may have moved one since, so none is
// believed by itself: a ledger that grows is compared as it is written, and one
// that says of all it is asked that it was received before is read again.
type remembered struct {
	mu      sync.Mutex
	ledgers map[int64]gapless
}

type gapless struct{ first, firstAt, last, lastAt int64 }

// fill fills in what is remembered of l, and returns the numbers of the others.
func (r *remembered) fill(l *ledgers) (others []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, id := range l.ids {
		g, ok := r.ledgers[id]
		if !ok {
			others = append(others, id)
			continue
		}
		e := &l.list[i]
		e.Ledger = ledger.Ledger{Any: true, First: g.first, FirstAt: g.firstAt, Last: g.last, LastAt: g.lastAt}
		e.remembered, e.known = true, g
		e.was = ledgerColumns{first: &e.known.first, last: &e.known.last}
	}
	return others
}

// keep remembers l, which is committed.
func (r *remembered) keep(l *ledgers) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ledgers == nil || len(r.ledgers)+len(l.ids) > maxRemembered {
		r.ledgers = make(map[int64]gapless, len(l.ids))
	}
	for i, id := range l.ids {
		if e := &l.list[i]; !e.Any || e.Forgot || len(e.Missing) > 0 {
			delete(r.ledgers, id)
		} else if len(r.ledgers) < maxRemembered {
			r.ledgers[id] = gapless{e.First, e.FirstAt, e.Last, e.LastAt}
		}
	}
}

// forget drops those of ids.
func (r *remembered) forget(ids []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		delete(r.ledgers, id)
	}
}
