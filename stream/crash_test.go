package stream

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
)

const childDir, childRound = "DRAY_STREAM_TEST_DIR", "DRAY_STREAM_TEST_ROUND"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := appendForEver(dir, os.Getenv(childRound)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// A ledger writes down every acknowledged token, as a publisher that lets go of
// the message would.
type ledger struct {
	out   *bufio.Writer
	slots chan struct{}
}

func (l *ledger) Appended(token uint64, err error) {
	if err == nil {
		l.out.Write(binary.BigEndian.AppendUint64(nil, token))
	}
	<-l.slots
}

func (l *ledger) Flush() { l.out.Flush() }

// appendForEver is the child process: four publishers until it is killed.
func appendForEver(dir, round string) error {
	l, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		return err
	}
	r, err := strconv.ParseUint(round, 10, 8)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout) // only the framing goroutine writes to it
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() {
			to := &ledger{out, make(chan struct{}, 16)}
			for n := uint64(0); ; n++ {
				token := r<<48 | i<<40 | n
				p := publication("d"+strconv.FormatUint(i, 10), 0)
				p.Payload = binary.BigEndian.AppendUint64(nil, token)
				to.slots <- struct{}{}
				if l.Append(p, to, token) != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// TestKill kills a process that appends, five times over, and looks for every
// append that it was told of.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[uint64]bool{}
	for round := range 5 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir, childRound+"="+strconv.Itoa(round))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(out)
		var b [8]byte
		for n := 0; ; n++ {
			if n == 3000 {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := io.ReadFull(in, b[:]); err != nil {
				if n < 3000 {
					t.Fatalf("child ended after %d appends", n)
				}
				break
			}
			acknowledged[binary.BigEndian.Uint64(b[:])] = true
		}
		child.Wait()
	}

	l := open(t, dir, Options{})
	last := l.State()
	if last.Backlog == 0 {
		t.Fatal("nothing is in the stream")
	}
	r := reader(t, l, 0)
	seen := map[uint64]bool{}
	newest := map[uint64]uint64{} // of each publisher
	frames := l.parts[0].state.Load().Last
	for end := false; !end; {
		rs, err := r.Fetch(t.Context(), 5000, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range rs {
			token := binary.BigEndian.Uint64(rec.Payload)
			if seen[token] {
				t.Errorf("%x is stored twice", token)
			}
			seen[token] = true
			if who := token >> 40; newest[who] > token {
				t.Errorf("%x comes after %x", token, newest[who])
			}
			newest[token>>40] = token
		}
		end = rs[len(rs)-1].Seq == frames
	}
	missing := 0
	for token := range acknowledged {
		if !seen[token] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d acknowledged appends are missing", missing, len(acknowledged))
	}
	t.Logf("%d acknowledged, %d stored", len(acknowledged), len(seen))
}

// A gate is an Acker that holds the framing goroutine until it is opened.
type gate struct {
	entered, open chan struct{}
}

func (g *gate) Appended(uint64, error) { close(g.entered); <-g.open }
func (g *gate) Flush()                 {}

func TestCloseWhileAppendIsBlocked(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	g := &gate{make(chan struct{}), make(chan struct{})}
	if err := l.Append(publication("d7", 0), g, 0); err != nil {
		t.Fatal(err)
	}
	<-g.entered

	const room = maxQueuedFrames * maxFrameRecords
	to := newListener()
	filled, refused := make(chan struct{}), make(chan error)
	accepted := 0
	go func() {
		for {
			if err := l.Append(publication("d7", accepted), to, uint64(accepted)); err != nil {
				refused <- err
				return
			}
			if accepted++; accepted == room {
				close(filled)
			}
		}
	}()
	<-filled
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	if err := <-refused; err != ErrClosed {
		t.Errorf("a blocked append was told %v, want ErrClosed", err)
	}
	if accepted != room {
		t.Errorf("%d appends were queued, want a bound of %d", accepted, room)
	}
	close(g.open)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	for _, o := range to.next(t, room) { // what was queued is published by Close
		if o.err != nil {
			t.Fatal(o.err)
		}
	}
	if err := l.Append(publication("d7", 0), to, 0); err != ErrClosed {
		t.Errorf("append after Close = %v", err)
	}
}
