package relay_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/relay"
	"github.com/dray-fleet/dray/store/postgres"
	"github.com/dray-fleet/dray/store/postgrestest"
	"github.com/dray-fleet/dray/store/sqlite"
	"github.com/dray-fleet/dray/store/storetest"
)

// relayOf, set to a database, makes this binary a relay that publishes to its
// standard output, which is still there when the process is killed.
const relayOf = "DRAY_TEST_RELAY_OF"

func TestMain(m *testing.M) {
	if db := os.Getenv(relayOf); db != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		if err := runRelay(ctx, db); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func runRelay(ctx context.Context, db string) error {
	var s relay.Store
	var err error
	if strings.HasPrefix(db, "postgres://") {
		s, err = postgres.Open(ctx, db)
	} else {
		s, err = sqlite.Open(ctx, db)
	}
	if err != nil {
		return err
	}
	return relay.New(s, &lines{}, relay.Options{Sweep: 50 * time.Millisecond}).Run(ctx)
}

// A line is one publication as a relay process tells it.
type line struct {
	Topic   string          `json:"topic"`
	Payload json.RawMessage `json:"payload"`
	Retain  bool            `json:"retain"`
}

// lines publishes to the standard output, a whole line in one write.
type lines struct{ mu sync.Mutex }

func (l *lines) Publish(topic string, payload []byte, retain bool, _ byte) {
	b, err := json.Marshal(line{topic, payload, retain})
	if err != nil {
		panic(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := os.Stdout.Write(append(b, '\n')); err != nil {
		panic(err)
	}
}

// runUntil runs a relay process on db, puts what it publishes into p, and kills
// it -9 as soon as done says so.
func runUntil(t *testing.T, db string, p *recorder, done func() bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), relayOf+"="+db), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() {
		t.Error("a relay has published too little in a minute")
		_ = cmd.Process.Kill()
	})
	killed := false
	for all := bufio.NewScanner(out); all.Scan(); { // what is in the pipe has been published
		var l line
		if err := json.Unmarshal(all.Bytes(), &l); err != nil {
			t.Errorf("%s: %v", all.Text(), err)
		}
		p.Publish(l.Topic, l.Payload, l.Retain, 1)
		if !killed && done() {
			killed = true
			_ = cmd.Process.Kill()
		}
	}
	late.Stop()
	if err := cmd.Wait(); !killed || err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the relay ended with %v, killed: %v", err, killed)
	}
}

// TestKilledUnderLoad kills the relay's process twenty times while shipments
// change: every change is published, and those of one shipment in their order.
func TestKilledUnderLoad(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "dray.db")
		s, err := sqlite.Open(t.Context(), path)
		killUnderLoad(t, opened(t, s, err), path)
	})
	t.Run("postgres", func(t *testing.T) {
		url := postgrestest.URL(t)
		killUnderLoad(t, openPostgres(t, url), url)
	})
}

func killUnderLoad(t *testing.T, s storetest.Store, db string) {
	const writers, rate, kills = 4, 200, 20
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var written [writers]int64 // the newest version
	var writing sync.WaitGroup
	for w := range writers {
		id := fmt.Sprint("s", w)
		shipment(t, s, id)
		written[w] = 1
		writing.Go(func() {
			tick := time.NewTicker(writers * time.Second / rate)
			defer tick.Stop()
			for ctx.Err() == nil {
				note := fmt.Sprint(written[w])
				after, err := s.PatchShipment(t.Context(), office, "acme", id, 0, fleet.ShipmentPatch{Note: &note})
				if err != nil {
					t.Error(err)
					return
				}
				written[w] = after.Version
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	p := newRecorder()
	for range kills {
		left := 1 + rand.N(30)
		runUntil(t, db, p, func() bool { left--; return left == 0 })
	}
	stop()
	writing.Wait()
	complete := func() bool {
		for w := range writers {
			if v := p.versions(fmt.Sprint("s", w)); len(v) == 0 || v[len(v)-1] != written[w] {
				return false
			}
		}
		return true
	}
	if !complete() {
		runUntil(t, db, p, complete)
	}
	for w := range writers {
		var newest int64
		for _, v := range p.versions(fmt.Sprint("s", w)) {
			if v > newest+1 {
				t.Fatalf("s%d: version %d came after %d", w, v, newest)
			}
			newest = max(newest, v)
		}
	}
}
