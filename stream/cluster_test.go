package stream

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startServer starts a NATS server as an operator would, with a port.
func startServer(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server did not start")
	}
	return s
}

func connect(t *testing.T, s *server.Server, node string) *Log {
	t.Helper()
	// Replicas is left to Open: a server that is in no cluster has no room for three.
	l, err := Open(t.Context(), Options{URL: s.ClientURL(), Partitions: 4, MaxBytes: 64 << 20, Node: node})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestPartitionsKeepTheOrderOfEachDriver(t *testing.T) {
	l := connect(t, startServer(t), "n1")
	to := newListener()
	const n, drivers = 400, 40
	for i := range n {
		if err := l.Append(publication("d"+string(rune('A'+i%drivers)), i), to, uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range to.next(t, n) {
		if o.err != nil {
			t.Fatal(o.err)
		}
	}
	where, newest, total := map[string]int{}, map[string]time.Time{}, 0
	for i := range l.Partitions() {
		r, err := l.Reader(t.Context(), i, 0)
		if err != nil {
			t.Fatal(err)
		}
		info, err := l.parts[i].stream.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for end := info.State.LastSeq == 0; !end; {
			rs, err := r.Fetch(t.Context(), n, time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range rs {
				if p, ok := where[rec.Subject]; ok && p != i {
					t.Errorf("%s is in partitions %d and %d", rec.Subject, p, i)
				}
				if !rec.ReceivedAt.After(newest[rec.Subject]) {
					t.Errorf("%s is out of order", rec.Subject)
				}
				where[rec.Subject], newest[rec.Subject] = i, rec.ReceivedAt
				total++
			}
			end = rs[len(rs)-1].Seq == info.State.LastSeq
		}
		r.Close()
	}
	if total != n {
		t.Errorf("%d records were read, want %d", total, n)
	}
}

// holder is a process that reads partition 0 whenever it may.
type holder struct {
	reads, lost chan struct{}
	done        chan error
}

func hold(ctx context.Context, l *Log) *holder {
	h := &holder{make(chan struct{}, 8), make(chan struct{}, 8), make(chan error, 1)}
	go func() {
		h.done <- l.Hold(ctx, 0, func(ctx context.Context) error {
			h.reads <- struct{}{}
			<-ctx.Done()
			h.lost <- struct{}{}
			return nil
		})
	}()
	return h
}

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("waited in vain until " + what)
	}
}

func TestOneReaderAPartition(t *testing.T) {
	s := startServer(t)
	one, two := connect(t, s, "n1"), connect(t, s, "n2")
	ctx, stop := context.WithCancel(t.Context())
	first := hold(ctx, one)
	await(t, "n1 reads", first.reads)
	rest, stopRest := context.WithCancel(t.Context())
	second := hold(rest, two)

	stop() // n1 is shut down and hands over
	await(t, "n2 reads", second.reads)
	if len(first.lost) != 1 {
		t.Error("n2 reads while n1 does")
	}

	third := hold(rest, one)
	two.nc.Close() // n2 loses the cluster
	await(t, "n2 stops reading", second.lost)
	await(t, "n1 reads again", third.reads)

	stopRest()
	for _, h := range []*holder{first, second, third} {
		if err := <-h.done; err != nil {
			t.Errorf("Hold = %v", err)
		}
	}
	failed := errors.New("cannot be read")
	if err := one.Hold(t.Context(), 1, func(context.Context) error { return failed }); err != failed {
		t.Errorf("Hold = %v, want the reader's error", err)
	}
}

func TestAppendsGoOnAfterTheServerWasAway(t *testing.T) {
	dir := t.TempDir()
	start := func(port int) *server.Server {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(10 * time.Second) {
			t.Fatal("the server did not start")
		}
		return s
	}
	s := start(server.RANDOM_PORT)
	l := connect(t, s, "n1")
	to := newListener()
	appendAll(t, l, to, 0, 1)
	to.next(t, 1)
	p := publication("d7", 0)
	r, err := l.Reader(t.Context(), l.partitionOf(&p), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	fetch(t, r, 1)
	port := l.port(t)
	s.Shutdown()
	s.WaitForShutdown()

	appendAll(t, l, to, 1, 1)
	if o := to.next(t, 1)[0]; o.err == nil {
		t.Error("an append was acknowledged without a server")
	}
	if l.Ready(t.Context()) == nil {
		t.Error("ready without a server")
	}
	s = start(port)
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	for i := uint64(2); ; i++ { // until the client has found it again
		appendAll(t, l, to, int(i), 1)
		if to.next(t, 1)[0].err == nil {
			break
		}
		if i == 20 {
			t.Fatal("appends still fail")
		}
	}
	for { // a Reader may fail meanwhile, and goes on where it was
		rs, err := r.Fetch(t.Context(), 1, time.Millisecond)
		if t.Context().Err() != nil {
			t.Fatal("the reader found nothing")
		}
		if err == nil {
			if rs[0].Seq != 2 {
				t.Errorf("after frame 1 comes %d", rs[0].Seq)
			}
			break
		}
	}
}

func (l *Log) port(t *testing.T) int {
	t.Helper()
	port, err := strconv.Atoi(l.nc.ConnectedAddr()[strings.LastIndex(l.nc.ConnectedAddr(), ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}
