package stream

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// onDisk reports whether a file below dir holds text.
func onDisk(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // removed meanwhile
		}
		b, err := os.ReadFile(path)
		found = found || err == nil && bytes.Contains(b, []byte(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20s: %s", what)
		}
	}
}

// What is acknowledged leaves the disk when it is let go of, nothing else does,
// and the numbers go on, also after a kill.
func TestLetGo(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	to := newListener()
	appendAll(t, l, to, 100, 1)
	to.next(t, 1)
	appendAll(t, l, to, 200, 1)
	to.next(t, 1)
	r := reader(t, l, 0)
	rs := fetch(t, r, 2)
	first, last := rs[0].Seq, rs[1].Seq

	r.Ack(first)
	if err := l.LetGo(); err != nil {
		t.Fatal(err)
	}
	l.observe(t.Context())
	if !onDisk(t, dir, `{"n":200}`) {
		t.Fatal("what is not acknowledged is gone")
	}
	r.Ack(last)
	eventually(t, "the files are gone", func() bool { return !onDisk(t, dir, `{"n":100}`) && !onDisk(t, dir, `{"n":200}`) })
	eventually(t, "there is no backlog", func() bool { return !l.parts[0].letGo.Load() && l.State().Backlog == 0 })

	appendAll(t, l, to, 300, 1)
	to.next(t, 1)
	got := fetch(t, r, 1)[0]
	if string(got.Payload) != `{"n":300}` || got.Seq != last+2 {
		t.Errorf("then comes %s as frame %d, want frame %d", got.Payload, got.Seq, last+2)
	}
	r.Close()
	l.Close()

	reg := prometheus.NewRegistry()
	l = open(t, dir, Options{Registerer: reg})
	if got := fetch(t, reader(t, l, last), 1)[0]; string(got.Payload) != `{"n":300}` {
		t.Errorf("after a restart comes %s", got.Payload)
	}
	reader(t, l, got.Seq) // which is saved, then
	if err := l.LetGo(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file is gone", func() bool { return !onDisk(t, dir, `{"n":300}`) })
	if got := counted(t, reg, "dray_stream_missing_frames_total"); got != 0 {
		t.Errorf("%v frames are said to be missing", got)
	}
}

// Without the empty frame, and without what a clean end sums up, the numbers go
// on as well: a kill may come between.
func TestNumbersGoOnAfterAKillWhileLettingGo(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	to := newListener()
	appendAll(t, l, to, 0, 1)
	to.next(t, 1)
	r := reader(t, l, 0)
	last := fetch(t, r, 1)[0].Seq
	r.Close()
	if err := l.parts[0].stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(killed, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".db" {
			return os.Remove(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l = open(t, killed, Options{})
	appendAll(t, l, to, 1, 1)
	to.next(t, 1)
	if got := fetch(t, reader(t, l, last), 1)[0].Seq; got != last+1 {
		t.Errorf("the frame after %d is %d", last, got)
	}
}

// A process that has no part in reading tells the one that has.
func TestLetGoIsHeardByTheReader(t *testing.T) {
	s := startServer(t)
	a, b := connect(t, s, "a"), connect(t, s, "b")
	to := newListener()
	appendAll(t, a, to, 100, 1)
	to.next(t, 1)
	p := publication("d7", 0)
	i := a.partitionOf(&p)
	r, err := a.Reader(t.Context(), i, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rs := fetch(t, r, 1)
	r.Ack(rs[0].Seq)
	dir := s.JetStreamConfig().StoreDir
	if !onDisk(t, dir, `{"n":100}`) {
		t.Fatal("it is not where it is looked for")
	}
	if err := b.LetGo(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the files are gone", func() bool { return !onDisk(t, dir, `{"n":100}`) })
}
