package batch

import (
	"context"
	"maps"
	"sync"
)

// maxCached bounds a Cache; a full one begins again.
const maxCached = 200_000

// A Cache remembers the numbers that the database gave to names. They never
// change while the row exists. The zero value is ready for use.
type Cache[K comparable] struct {
	mu  sync.Mutex
	ids map[K]int64
}

// Resolve returns the number of each of names, asking load for those not
// remembered.
func (c *Cache[K]) Resolve(ctx context.Context, names []K, load func(ctx context.Context, missing []K) (map[K]int64, error)) ([]int64, error) {
	ids := make([]int64, len(names))
	var missing []K
	var at []int // of missing in names
	c.mu.Lock()
	for i, n := range names {
		id, ok := c.ids[n]
		if !ok {
			missing, at = append(missing, n), append(at, i)
		}
		ids[i] = id
	}
	c.mu.Unlock()
	if len(missing) == 0 {
		return ids, nil
	}
	found, err := load(ctx, missing)
	if err != nil {
		return nil, err
	}
	for _, i := range at {
		ids[i] = found[names[i]]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil || len(c.ids)+len(found) > maxCached {
		c.ids = make(map[K]int64, len(found))
	}
	maps.Copy(c.ids, found)
	return ids, nil
}

// Forget drops all that is remembered, when rows have gone.
func (c *Cache[K]) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids = nil
}
