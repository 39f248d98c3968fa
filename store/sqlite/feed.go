package sqlite

import (
	"context"
	"sync"
)

// watchers are told of every commit of this process.
type watchers struct {
	mu      sync.Mutex
	wakes   map[int]func()
	next    int
	running map[string]bool // what runs exclusively
}

func (w *watchers) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, wake := range w.wakes {
		wake()
	}
}

// Sequence has nothing to do: there is one writer at a time, so the triggers
// write events into the feed itself, in the order of their commits.
func (s *Store) Sequence(context.Context, int) (int, error) { return 0, nil }

// SavePosition keeps how far a reader of the feed is. It wakes nobody.
func (s *Store) SavePosition(ctx context.Context, reader string, cursor int64) error {
	_, err := s.exec(ctx, "save position", `INSERT INTO feed_positions (reader, cursor) VALUES (?, ?)
		ON CONFLICT (reader) DO UPDATE SET cursor = excluded.cursor WHERE excluded.cursor > feed_positions.cursor`, reader, cursor)
	return err
}

// Listen calls sequenced after every commit of this process; what another one
// wrote is found by looking now and then.
func (s *Store) Listen(ctx context.Context, _, sequenced func()) error {
	s.watchers.mu.Lock()
	if s.watchers.wakes == nil {
		s.watchers.wakes = map[int]func(){}
	}
	id := s.watchers.next
	s.watchers.next++
	s.watchers.wakes[id] = sequenced
	s.watchers.mu.Unlock()
	sequenced()
	<-ctx.Done()
	s.watchers.mu.Lock()
	delete(s.watchers.wakes, id)
	s.watchers.mu.Unlock()
	return nil
}

// Exclusive runs fn while this process runs no other of that name; the file is
// this process's own.
func (s *Store) Exclusive(ctx context.Context, name string, fn func(ctx context.Context) error) (ran bool, err error) {
	s.watchers.mu.Lock()
	taken := s.watchers.running[name]
	if !taken {
		if s.watchers.running == nil {
			s.watchers.running = map[string]bool{}
		}
		s.watchers.running[name] = true
	}
	s.watchers.mu.Unlock()
	if taken {
		return false, nil
	}
	defer func() {
		s.watchers.mu.Lock()
		delete(s.watchers.running, name)
		s.watchers.mu.Unlock()
	}()
	return true, fn(ctx)
}
