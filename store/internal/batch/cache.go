package batch

import "sync"

// maxCached bounds a Cache; a full one begins again.
const maxCached = 200_000

// A Cache remembers the numbers that the database gave to names. They never
// change while the row exists. The zero value is ready for use.
type Cache[K comparable] struct {
	mu  sync.Mutex
	ids map[K]int64
}

// Resolve returns the numbers of names, asking load for those not remembered.
func (c *Cache[K]) Resolve(names []K, load func(missing []K) (map[K]int64, error)) (map[K]int64, error) {
	ids := make(map[K]int64, len(names))
	var missing []K
	c.mu.Lock()
	for _, n := range names {
		if id, ok := c.ids[n]; ok {
			ids[n] = id
		} else {
			missing = append(missing, n)
		}
	}
	c.mu.Unlock()
	if len(missing) == 0 {
		return ids, nil
	}
	found, err := load(missing)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil || len(c.ids)+len(found) > maxCached {
		c.ids = make(map[K]int64, len(found))
	}
	for n, id := range found {
		c.ids[n], ids[n] = id, id
	}
	return ids, nil
}
