package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A lease names the one process of a cluster that reads a partition. It is a key
// in a bucket whose entries expire. Two readers for a moment, such as after a
// long pause of the process, do no harm: the store tells repeats apart.
const (
	leaseBucket = "DRAY_LEASES"
	leaseTTL    = 6 * time.Second
	leaseRenew  = 2 * time.Second
	leaseRetry  = 500 * time.Millisecond // and as much again for each lease held, so that others get some
)

// Hold calls read while this process is the one that reads partition i, and
// waits while another is. The context of read ends when the lease is lost; then
// Hold waits for it again. It returns nil when ctx is done, or read's error.
// With an embedded server nobody else can be reading.
func (l *Log) Hold(ctx context.Context, i int, read func(context.Context) error) error {
	if l.server != nil {
		return read(ctx)
	}
	for ctx.Err() == nil {
		lost, err := l.holdOnce(ctx, i, read)
		if !lost {
			return err
		}
		if err != nil && ctx.Err() == nil {
			l.log.Warn("stream lease", "partition", i, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(leaseRetry * time.Duration(1+l.leases.Load())):
		}
	}
	return nil
}

// holdOnce takes the lease and reads until either ends. lost says that the lease
// was not got or not kept.
func (l *Log) holdOnce(ctx context.Context, i int, read func(context.Context) error) (lost bool, err error) {
	kv, err := l.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: leaseBucket, TTL: leaseTTL, Replicas: l.opts.Replicas, Storage: jetstream.MemoryStorage,
	})
	if err != nil {
		return true, err
	}
	key := strconv.Itoa(i)
	began := time.Now()
	revision, err := kv.Create(ctx, key, []byte(l.opts.Node))
	if errors.Is(err, jetstream.ErrKeyExists) {
		return true, nil
	}
	if err != nil {
		return true, err
	}
	l.leases.Add(1)
	defer l.leases.Add(-1)
	l.log.Info("stream partition taken", "partition", i)

	held, cancel := context.WithCancel(ctx)
	var expired atomic.Bool
	renewed := make(chan uint64)
	go func() {
		revision, ok := renew(held, kv, key, revision, began, l.opts.Node)
		expired.Store(!ok)
		cancel()
		renewed <- revision
	}()
	err = read(held)
	cancel()
	revision = <-renewed
	if expired.Load() {
		return true, errors.Join(fmt.Errorf("partition %d was lost to another reader or to time", i), err)
	}
	release, done := context.WithTimeout(context.WithoutCancel(ctx), leaseRenew)
	defer done()
	if err := kv.Delete(release, key, jetstream.LastRevision(revision)); err != nil {
		l.log.Warn("stream lease is left to expire", "partition", i, "error", err)
	}
	return false, err
}

// renew keeps the lease until ctx is done (ok), or it has expired or somebody
// else has it. It returns the last revision of the key.
func renew(ctx context.Context, kv jetstream.KeyValue, key string, revision uint64, began time.Time, node string) (_ uint64, ok bool) {
	tick := time.NewTicker(leaseRenew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return revision, true
		case <-tick.C:
		}
		now := time.Now()
		attempt, cancel := context.WithTimeout(ctx, leaseRenew)
		next, err := kv.Update(attempt, key, []byte(node), revision)
		cancel()
		switch {
		case ctx.Err() != nil:
			return revision, true
		case err == nil:
			revision, began = next, now
		case errors.Is(err, jetstream.ErrKeyRevisionMismatch) || time.Since(began) > leaseTTL-leaseRenew:
			return revision, false
		}
	}
}
