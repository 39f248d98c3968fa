package auth

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const (
	pollEvery   = time.Second
	pollTimeout = 3 * time.Second
	// pollAgain is how many ids are read once more at each poll: on PostgreSQL
	// a lower id may be committed after a higher one.
	pollAgain = 256
)

// A RevocationStore lists revocations in force with an id above after, oldest
// first.
type RevocationStore interface {
	Revocations(ctx context.Context, after int64) ([]fleet.Revocation, error)
}

// Revocations is the set of tokens that are refused although genuine. An entry
// is forgotten when no token it names can be valid any more, which bounds the
// set. While the database is away it keeps what it knows. It is safe for
// concurrent use; a nil one holds nothing.
type Revocations struct {
	now       func() time.Time
	mu        sync.RWMutex
	tokens    map[principal]time.Time // by jti: until when
	subjects  map[principal]cutoff
	listeners []func(fleet.Revocation)
	pruned    time.Time
}

type principal struct{ fleet, id string }

// cutoff refuses what was issued at or before a time.
type cutoff struct{ before, until time.Time }

// NewRevocations returns an empty set; a nil clock is time.Now.
func NewRevocations(now func() time.Time) *Revocations {
	if now == nil {
		now = time.Now
	}
	return &Revocations{now: now, tokens: map[principal]time.Time{}, subjects: map[principal]cutoff{}}
}

// OnRevoke has fn called with each revocation that becomes known, after it is
// in force: that is when live connections are to be ended. fn must not block.
func (r *Revocations) OnRevoke(fn func(fleet.Revocation)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners = append(r.listeners, fn)
}

// Add puts a revocation in force at once, and tells the listeners if it is news.
func (r *Revocations) Add(rev fleet.Revocation) {
	r.mu.Lock()
	news := r.keep(rev)
	listeners := r.listeners
	r.mu.Unlock()
	if !news {
		return
	}
	for _, fn := range listeners {
		fn(rev)
	}
}

func (r *Revocations) keep(rev fleet.Revocation) (news bool) {
	now := r.now()
	if now.Sub(r.pruned) > time.Minute {
		r.prune(now)
	}
	if !now.Before(rev.ExpiresAt) {
		return false
	}
	if rev.JTI != "" {
		id := principal{rev.Fleet, rev.JTI}
		if rev.ExpiresAt.After(r.tokens[id]) {
			r.tokens[id], news = rev.ExpiresAt, true
		}
	}
	if rev.Subject != "" {
		id := principal{rev.Fleet, rev.Subject}
		if old := r.subjects[id]; rev.Before.After(old.before) || rev.ExpiresAt.After(old.until) {
			r.subjects[id] = cutoff{later(old.before, rev.Before), later(old.until, rev.ExpiresAt)}
			news = true
		}
	}
	return news
}

func (r *Revocations) prune(now time.Time) {
	r.pruned = now
	for id, until := range r.tokens {
		if !now.Before(until) {
			delete(r.tokens, id)
		}
	}
	for id, c := range r.subjects {
		if !now.Before(c.until) {
			delete(r.subjects, id)
		}
	}
}

// Revoked reports whether c is refused: by its id, or with all of its subject
// that was issued by then. A credential that does not tell when it was issued
// counts as issued before.
func (r *Revocations) Revoked(c *Claims) bool {
	if r == nil {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if c.ID != "" {
		if _, found := r.tokens[principal{c.Fleet, c.ID}]; found {
			return true
		}
	}
	cut, found := r.subjects[principal{c.Fleet, c.Subject}]
	return found && !c.IssuedAt.After(cut.before)
}

// Run reads new revocations from the store every second until ctx is done.
func (r *Revocations) Run(ctx context.Context, store RevocationStore, log *slog.Logger) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last int64
	away := false
	for {
		highest, err := r.poll(ctx, store, max(0, last-pollAgain))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !away: // once an outage, not once a second
			log.Error("revocations not read, those known stay in force", "error", err)
		}
		away = err != nil
		last = max(last, highest)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Revocations) poll(ctx context.Context, store RevocationStore, after int64) (highest int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	list, err := store.Revocations(ctx, after)
	for _, rev := range list {
		r.Add(rev)
		highest = max(highest, rev.ID)
	}
	return highest, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
