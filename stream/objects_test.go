package stream

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dray-fleet/dray/fleet"
)

// noise returns n bytes that are not the same all over.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

func TestObjects(t *testing.T) {
	for name, where := range map[string]func(t *testing.T) *Log{
		"embedded": func(t *testing.T) *Log { return open(t, t.TempDir(), Options{}) },
		"cluster":  func(t *testing.T) *Log { return connect(t, startServer(t), "n1") },
	} {
		t.Run(name, func(t *testing.T) {
			l := where(t)
			o, err := l.Objects(t.Context(), "proofs")
			if err != nil {
				t.Fatal(err)
			}
			for _, data := range [][]byte{{1}, noise(300_000), noise(MaxObject)} {
				if err := o.Put(t.Context(), "acme/s1/photo", data); err != nil {
					t.Fatal(err)
				}
				again, err := l.Objects(t.Context(), "proofs") // as another process would open it
				if err != nil {
					t.Fatal(err)
				}
				if got, err := again.Get(t.Context(), "acme/s1/photo"); err != nil || !bytes.Equal(got, data) {
					t.Errorf("Get of %d bytes = %d bytes, %v", len(data), len(got), err)
				}
			}
			if err := o.Put(t.Context(), "acme/s9/photo", noise(10)); err != nil {
				t.Fatal(err)
			}
			var names []string
			if err := o.Each(t.Context(), func(name string) error { names = append(names, name); return nil }); err != nil {
				t.Fatal(err)
			}
			slices.Sort(names)
			if want := []string{"acme/s1/photo", "acme/s9/photo"}; !slices.Equal(names, want) {
				t.Errorf("Each: %q, want %q", names, want)
			}
			for range 2 {
				if err := o.Delete(t.Context(), "acme/s1/photo"); err != nil {
					t.Errorf("Delete = %v", err)
				}
			}
			if _, err := o.Get(t.Context(), "acme/s1/photo"); !errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("Get of what is deleted = %v", err)
			}
			if _, err := o.Get(t.Context(), "acme/s2/photo"); !errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("Get of what is not there = %v", err)
			}
			var invalid *fleet.InvalidError
			if err := o.Put(t.Context(), "acme/s1/photo", noise(MaxObject+1)); !errors.As(err, &invalid) {
				t.Errorf("Put of too much = %v", err)
			}
		})
	}
}

func TestObjectsSurviveARestart(t *testing.T) {
	dir, data := t.TempDir(), noise(200_000)
	l := open(t, dir, Options{})
	o, err := l.Objects(t.Context(), "proofs")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Put(t.Context(), "photo", data); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if o, err = open(t, dir, Options{}).Objects(t.Context(), "proofs"); err != nil {
		t.Fatal(err)
	}
	if got, err := o.Get(t.Context(), "photo"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("Get after a restart = %d bytes, %v", len(got), err)
	}
}

func TestFullBucketRefuses(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	o, err := l.openObjects(t.Context(), "proofs", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Put(t.Context(), "first", noise(800_000)); err != nil {
		t.Fatal(err)
	}
	if err := o.Put(t.Context(), "second", noise(800_000)); !errors.Is(err, fleet.ErrFull) {
		t.Errorf("Put into a full bucket = %v, want %v", err, fleet.ErrFull)
	}
	if got, err := o.Get(t.Context(), "first"); err != nil || len(got) != 800_000 {
		t.Errorf("what was there before = %d bytes, %v", len(got), err)
	}
}
