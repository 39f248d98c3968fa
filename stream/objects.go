package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// MaxObject is the largest object, in bytes.
	MaxObject = 5 << 20

	objectTime = 30 * time.Second // to read or write one
)

// Objects keeps files, such as photos of a delivery, in JetStream's object
// store: beside the stream on one node, replicated on a cluster. An object that
// Put has taken is as durable as a publication that Append has.
type Objects struct{ store jetstream.ObjectStore }

// Objects opens the bucket of that name and creates what is missing.
func (l *Log) Objects(ctx context.Context, bucket string) (*Objects, error) {
	size, err := l.bucketBytes(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("stream: bucket %s: %w", bucket, err)
	}
	return l.openObjects(ctx, bucket, size)
}

func (l *Log) openObjects(ctx context.Context, bucket string, size int64) (*Objects, error) {
	store, err := l.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: bucket, Storage: jetstream.FileStorage, Replicas: l.opts.Replicas, MaxBytes: size,
	})
	if err != nil {
		return nil, fmt.Errorf("stream: bucket %s: %w", bucket, err)
	}
	return &Objects{store}, nil
}

// bucketBytes is the size of a bucket that exists, for half of what is free now
// would be less and less; of a new one a quarter of the default of the stream.
func (l *Log) bucketBytes(ctx context.Context, bucket string) (int64, error) {
	s, err := l.js.Stream(ctx, "OBJ_"+bucket)
	if err == nil {
		return s.CachedInfo().Config.MaxBytes, nil
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, err
	}
	size, err := l.defaultBytes()
	return size * int64(l.opts.Partitions) / 4, err
}

// Put keeps data under name, in the place of what was there. It returns after
// the data is synced. A full bucket is fleet.ErrFull; data over MaxObject is an
// *fleet.InvalidError.
func (o *Objects) Put(ctx context.Context, name string, data []byte) error {
	if len(data) > MaxObject {
		return fleet.Invalid("body", "is larger than 5 MiB")
	}
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	_, err := o.store.PutBytes(ctx, name, data)
	if isFull(err) {
		return fleet.ErrFull
	}
	if err != nil {
		return fmt.Errorf("stream: put object: %w", err)
	}
	return nil
}

// Get returns what was put under name, or fleet.ErrNotFound.
func (o *Objects) Get(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	data, err := o.store.GetBytes(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fleet.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("stream: get object: %w", err)
	}
	return data, nil
}

// Each calls fn with the name of every object there is.
func (o *Objects) Each(ctx context.Context, fn func(name string) error) error {
	w, err := o.store.Watch(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("stream: list objects: %w", err)
	}
	defer func() { _ = w.Stop() }() // the context ends it too
	for {
		select {
		case info := <-w.Updates():
			if info == nil { // all have been seen
				return ctx.Err()
			}
			if err := fn(info.Name); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Delete removes what was put under name, and is done when there is nothing.
func (o *Objects) Delete(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	if err := o.store.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("stream: delete object: %w", err)
	}
	return nil
}
