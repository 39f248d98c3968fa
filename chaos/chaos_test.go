package chaos

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// build makes the program under test.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dray")
	cmd := exec.Command("go", append(append([]string{"build", "-buildvcs=false", "-o", path}, flags...), "../cmd/dray")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func run(t *testing.T, opts Options) ([]Result, error) {
	t.Helper()
	var said bytes.Buffer
	opts.Short, opts.Out, opts.Err = true, &bytes.Buffer{}, &said
	results, err := Run(t.Context(), opts)
	t.Log("\n" + said.String())
	return results, err
}

func TestPromisesHold(t *testing.T) {
	results, err := run(t, Options{Binary: build(t)})
	if err != nil {
		t.Error(err)
	}
	for _, r := range results {
		if r.NotHad != "" {
			t.Errorf("%s could not be made: %s", r.ID, r.NotHad)
		}
	}
}

// A check that cannot turn red is worth nothing.
func TestBrokenPromisesAreSeen(t *testing.T) {
	binary := build(t, "-tags", "breakage")
	for _, tt := range []struct {
		broken, fault string
		seen          func(Result) int
	}{
		{"ack-before-append", "F1", func(r Result) int { return r.Lost }},
		{"async-sync", "F1", func(r Result) int { return r.Lost }},
		{"no-dedupe", "F10", func(r Result) int { return r.Doubled }},
		{"no-outbox", "F1", func(r Result) int { return r.Untold }},
	} {
		t.Run(tt.broken, func(t *testing.T) {
			const tries = 5 // a kill may come when there is nothing to lose
			for range tries {
				results, err := run(t, Options{Binary: binary, Faults: []string{tt.fault}, Dir: t.TempDir(), Env: []string{"BREAK_DRAY=" + tt.broken}})
				if errors.Is(err, ErrBreached) && len(results) == 1 && tt.seen(results[0]) > 0 {
					return
				}
				t.Logf("error %v, results %+v: the breach was not seen", err, results)
			}
			t.Errorf("the breach was not seen in %d tries", tries)
		})
	}
}
