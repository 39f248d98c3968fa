package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Crowd is drivers who are connected and say nothing.
type Crowd struct {
	Elapsed time.Duration // until the last one had its CONNACK
	Connect Latency       // from dialling to the CONNACK
	clients []*client
}

// atOnce is how many connects a Crowd has on their way: enough to keep a
// server busy, and few enough for its listen queue.
const atOnce = 512

// Gather connects n drivers as fast as the server takes them. Their tokens are
// made before the clock starts. Any refusal is an error.
func Gather(ctx context.Context, opts Options, n int) (*Crowd, error) {
	opts.setDefaults()
	tokens := make([]string, n)
	for i := range tokens {
		var err error
		if tokens[i], err = opts.Token("driver", crowdID(i)); err != nil {
			return nil, err
		}
	}
	crowd := &Crowd{clients: make([]*client, n)}
	took := make([]time.Duration, n)
	next := make(chan int)
	failed := make(chan error, n)
	var connecting sync.WaitGroup
	start := time.Now()
	for range min(atOnce, n) {
		connecting.Go(func() {
			for i := range next {
				began := time.Now()
				c, err := opts.login(ctx, crowdID(i), tokens[i], 16)
				if err != nil {
					failed <- err
					continue
				}
				took[i], crowd.clients[i] = time.Since(began), c
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	connecting.Wait()
	crowd.Elapsed = time.Since(start)
	crowd.Connect = sum(took)
	close(failed)
	if len(failed) > 0 {
		crowd.Close()
		return nil, errors.Join(fmt.Errorf("%d of %d were refused", len(failed), n), <-failed)
	}
	return crowd, nil
}

// Close ends the connections.
func (c *Crowd) Close() {
	for _, client := range c.clients {
		if client != nil {
			client.conn.Close()
		}
	}
}

func crowdID(i int) string { return fmt.Sprintf("crowd-%06d", i) }
