package stream

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// A bit that turns over in the last frame takes it away; that is told.
func TestDamageIsTold(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	to := newListener()
	for i := range 3 { // a frame each
		appendAll(t, l, to, i, 1)
		to.next(t, 1)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	damaged := false
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		switch filepath.Ext(path) {
		case ".blk":
			b, err := os.ReadFile(path)
			if err != nil || len(b) < 100 {
				return err
			}
			b[len(b)-20] ^= 1
			damaged = true
			return os.WriteFile(path, b, 0o600)
		case ".db": // what a clean end has summed up is not there after a kill
			return os.Remove(path)
		}
		return err
	})
	if err != nil || !damaged {
		t.Fatalf("damaged %v, error %v", damaged, err)
	}
	reg := prometheus.NewRegistry()
	open(t, dir, Options{Registerer: reg})
	if got := counted(t, reg, "dray_stream_missing_frames_total"); got != 1 {
		t.Errorf("%v frames are said to be missing, want 1", got)
	}
}
