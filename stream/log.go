// Package stream is the durable log between the broker and ingest, on NATS
// JetStream: an embedded server in this process, or a cluster.
//
// What Append has acknowledged is synced to disk (on a cluster: on a majority of
// replicas) and stays until a Reader has acknowledged it. A full stream refuses;
// it never discards.
package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/breakage"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
)

// ErrClosed reports an append after Close.
var ErrClosed = errors.New("stream is closed")

// When the embedded server syncs a write to disk.
const (
	SyncAlways = "always" // before its acknowledgement
	SyncSecond = "1s"     // within a second: a power cut may cost that second, a crash of the process nothing
)

// Options says where the stream is. Dir or URL is needed.
type Options struct {
	Dir        string // of the embedded server; created with mode 0700
	URL        string // nats://…: a cluster instead
	Sync       string // SyncAlways (default) or SyncSecond; embedded only
	MaxBytes   int64  // default: what the stream has; a new one 16 GiB or half of the free disk
	Partitions int    // default 1 embedded, 16 on a cluster; never fewer than there are
	Replicas   int    // default 3; 1 embedded and on a server that is in no cluster
	Node       string // names the connection and its frames; default "dray"
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics are exported
}

// A Log is an open stream. Its methods may be called concurrently.
type Log struct {
	opts   Options
	server *embedded // nil on a cluster
	nc     *nats.Conn
	js     jetstream.JetStream
	parts  []*partition
	m      *metrics
	log    *slog.Logger

	leases    atomic.Int32 // held by this process
	holds     atomic.Int32 // see Retain
	close     sync.Once
	stop      context.CancelFunc
	monitored chan struct{}
}

// Open starts the embedded server, or connects to the cluster, and creates what
// is missing there.
func Open(ctx context.Context, opts Options) (*Log, error) {
	opts.Sync = cmp.Or(opts.Sync, SyncAlways)
	opts.Node = cmp.Or(opts.Node, "dray")
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	if opts.Sync != SyncAlways && opts.Sync != SyncSecond {
		return nil, fmt.Errorf("stream: sync must be %q or %q", SyncAlways, SyncSecond)
	}
	if (opts.Dir == "") == (opts.URL == "") {
		return nil, errors.New("stream: either a directory or a URL is needed")
	}
	embeds := opts.URL == ""
	if embeds {
		opts.Partitions, opts.Replicas = cmp.Or(opts.Partitions, 1), 1
	} else {
		opts.Partitions, opts.Replicas = cmp.Or(opts.Partitions, 16), cmp.Or(opts.Replicas, 3)
	}
	l := &Log{opts: opts, log: opts.Logger, monitored: make(chan struct{})}
	if err := l.open(ctx); err != nil {
		l.disconnect()
		return nil, fmt.Errorf("stream: %w", err)
	}
	l.m = newMetrics(opts.Registerer) // not before, for Open may be tried again
	for i, p := range l.parts {
		if err := errors.Join(l.findLost(i, p), l.keepNotes(i, p)); err != nil {
			l.disconnect()
			return nil, fmt.Errorf("stream: %w", err)
		}
		p.m = l.m
		go p.run()
	}
	if err := l.hearLetGo(); err != nil {
		l.disconnect()
		return nil, fmt.Errorf("stream: %w", err)
	}
	var monitor context.Context
	monitor, l.stop = context.WithCancel(context.Background())
	l.observe(ctx)
	go l.monitor(monitor)
	return l, nil
}

func (l *Log) open(ctx context.Context) (err error) {
	// Without a buffer a publish fails while the connection is away, and is
	// tried again by us, instead of being stored after we gave it up.
	options := []nats.Option{nats.Name("dray " + l.opts.Node), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1)}
	if l.opts.URL == "" {
		if l.server, err = startEmbedded(l.opts.Dir, l.opts.Sync, l.log); err != nil {
			return err
		}
		options = append(options, nats.InProcessServer(l.server), nats.ReconnectWait(100*time.Millisecond))
	}
	if l.nc, err = nats.Connect(l.opts.URL, options...); err != nil {
		return err
	}
	if l.nc.ConnectedClusterName() == "" {
		l.opts.Replicas = 1 // a server on its own keeps no more
	}
	if l.js, err = jetstream.New(l.nc); err != nil {
		return err
	}
	writer := nuid.Next()
	for i := 0; ; i++ {
		s, err := l.openPartition(ctx, i)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil // as many as wanted, and no more of earlier days
		}
		if err != nil {
			return fmt.Errorf("partition %d: %w", i, err)
		}
		p := &partition{
			js: l.js, stream: s, name: name(i), subject: subject(i), msgID: writer + "." + strconv.Itoa(i) + ".",
			maxSize: int(l.nc.MaxPayload()) - 4096, // leaves room for the message's headers
			created: s.CachedInfo().Created.UTC().Format(time.RFC3339Nano),
			log:     l.log,
			wake:    make(chan struct{}, 1), done: make(chan struct{}), flushed: map[fleet.Acker]struct{}{}, expected: map[fleet.Acker]struct{}{},
		}
		p.room.L = &p.mu
		l.parts = append(l.parts, p)
	}
}

func name(i int) string    { return "DRAY_UPLINK_" + strconv.Itoa(i) }
func subject(i int) string { return "dray.uplink." + strconv.Itoa(i) }

// openPartition opens stream i and creates it when it is among those wanted.
//
// Retention is by limits and the reader purges what it has acknowledged: a
// work queue would remove and sync each frame by itself.
func (l *Log) openPartition(ctx context.Context, i int) (jetstream.Stream, error) {
	s, err := l.js.Stream(ctx, name(i))
	exists := err == nil
	if err != nil && (i >= l.opts.Partitions || !errors.Is(err, jetstream.ErrStreamNotFound)) {
		return nil, err
	}
	c := jetstream.StreamConfig{
		Name:        name(i),
		Subjects:    []string{subject(i)},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		PersistMode: jetstream.DefaultPersistMode, // async acknowledges before it writes
		Replicas:    l.opts.Replicas,
		Duplicates:  30 * time.Second, // longer than a frame is retried
		DenyDelete:  true,
	}
	if breakage.AsyncSync {
		c.PersistMode = jetstream.AsyncPersistMode
	}
	switch {
	case l.opts.MaxBytes > 0:
		c.MaxBytes = l.opts.MaxBytes / int64(l.opts.Partitions)
	case exists:
		c.MaxBytes = s.CachedInfo().Config.MaxBytes // half of what is free now would be less and less
	default:
		if c.MaxBytes, err = l.defaultBytes(); err != nil {
			return nil, err
		}
	}
	if s, err = l.js.CreateOrUpdateStream(ctx, c); err != nil {
		return nil, err
	}
	got := s.CachedInfo().Config
	if got.Discard != jetstream.DiscardNew || got.Storage != jetstream.FileStorage || got.PersistMode != c.PersistMode || got.MaxAge != 0 {
		return nil, errors.New("the stream that is there may discard what was acknowledged")
	}
	return s, nil
}

func (l *Log) defaultBytes() (int64, error) {
	total := int64(16 << 30)
	if l.server != nil {
		free, err := freeBytes(l.opts.Dir)
		if err != nil {
			return 0, err
		}
		total = min(total, free/2)
	}
	return total / int64(l.opts.Partitions), nil
}

// Append hands p to the stream. It copies what it needs of p, and blocks while
// the queue is full: that is the back-pressure on the publishing connection. It
// lasts at most as long as one frame may take to be refused, about 5s.
//
// With a nil error, to hears once what became of p. With another it hears
// nothing: fleet.ErrFull, ErrClosed, or an *fleet.InvalidError when p is too large.
// to must be comparable, such as a pointer.
func (l *Log) Append(p fleet.Publication, to fleet.Acker, token uint64) error {
	if breakage.AckBeforeAppend {
		to.Appended(token, nil)
		to.Flush()
		to = breakage.Nobody{}
	}
	return l.parts[l.partitionOf(&p)].append(&p, to, token)
}

// partitionOf keeps all reports of one driver in one partition, and so in order.
func (l *Log) partitionOf(p *fleet.Publication) int {
	if len(l.parts) == 1 {
		return 0
	}
	fleetID, driver := p.Fleet, cmp.Or(p.Driver, p.Subject)
	if u, ok := fleet.ParseUpstream(p.Topic); ok {
		fleetID, driver = u.Fleet, u.Driver
	}
	h := uint32(2166136261) // FNV-1a
	for i := range len(fleetID) {
		h = (h ^ uint32(fleetID[i])) * 16777619
	}
	h = (h ^ '/') * 16777619
	for i := range len(driver) {
		h = (h ^ uint32(driver[i])) * 16777619
	}
	return int(h % uint32(len(l.parts)))
}

// Partitions returns how many partitions there are to read.
func (l *Log) Partitions() int { return len(l.parts) }

// Close publishes what is queued, tells its publishers, and stops the embedded
// server. Readers must have been closed before.
func (l *Log) Close() error {
	l.close.Do(func() {
		var closing sync.WaitGroup
		for _, p := range l.parts {
			closing.Go(p.close)
		}
		closing.Wait()
		l.stop()
		<-l.monitored
		l.disconnect()
	})
	return nil
}

func (l *Log) disconnect() {
	if l.nc != nil {
		l.nc.Close()
	}
	if l.server != nil {
		l.server.stop()
	}
	for _, p := range l.parts {
		if p.noteFile != nil {
			_ = p.noteFile.Close() // of what was written for a crash
		}
	}
}
