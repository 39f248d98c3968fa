package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A backup is taken under load and restored into an empty directory: whatever
// was acknowledged before the moment that the backup names, which is near its
// end, is there, once.
func TestBackupUnderLoadHasEverythingAcknowledged(t *testing.T) {
	t.Run("while ingest stores", func(t *testing.T) { backupUnderLoad(t, false) })
	t.Run("while all is in the stream", func(t *testing.T) { backupUnderLoad(t, true) })
}

func backupUnderLoad(t *testing.T, held bool) {
	dir := t.TempDir()
	env := []string{"DRAY_INGEST_MIN_INTERVAL=0", "DRAY_LIMITS_MESSAGE_RATE=1000000", "DRAY_LIMITS_MESSAGE_BURST=1000000"}
	p := start(t, dir, env...)
	base := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	const drivers = 8
	var acked [drivers]acknowledged
	ctx, cancel := context.WithCancel(t.Context())
	var publishers sync.WaitGroup
	for d := range drivers {
		publishers.Go(func() {
			driver := fmt.Sprintf("d%d", d)
			c := connect(t, p, driver)
			defer c.Disconnect(0)
			for i := 0; ctx.Err() == nil; i++ {
				body := fmt.Sprintf(`{"fix_at":%d,"lat":52.5,"lon":13.4,"boot":"b","seq":%d}`, base.Add(time.Duration(i)*time.Second).UnixMilli(), i+1)
				token := c.Publish("fleet/acme/drivers/"+driver+"/location", 1, false, body)
				if !token.WaitTimeout(30*time.Second) || token.Error() != nil {
					t.Errorf("publish: %v", token.Error())
					return
				}
				acked[d].add(time.Now())
			}
		})
	}
	defer publishers.Wait()
	defer cancel()
	p.until(30*time.Second, "loaded", func() bool { return acked[0].before(time.Now()) > 50 })

	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "dray.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if held { // what comes now stays in the stream
		if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		at := acked[0].before(time.Now())
		p.until(30*time.Second, "a backlog", func() bool { return acked[0].before(time.Now()) > at+50 })
	}
	began := time.Now()
	file := filepath.Join(t.TempDir(), "backup.tar")
	if out, errs, err := command(t, dir, env, "backup", file); err != nil {
		t.Fatalf("backup: %v\n%s%s\n%s", err, out, errs, p.out.String())
	}
	if _, _, err := command(t, dir, env, "backup", file); err == nil {
		t.Error("a backup was overwritten")
	}
	if held {
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	publishers.Wait()
	p.kill()

	restored := filepath.Join(t.TempDir(), "restored")
	out, errs, err := command(t, restored, env, "restore", file)
	if err != nil {
		t.Fatalf("restore: %v\n%s%s", err, out, errs)
	}
	_, said, _ := strings.Cut(out, "acknowledged before ")
	until, err := time.Parse(time.RFC3339Nano, strings.TrimSuffix(strings.TrimSpace(said), " is in it"))
	if err != nil || until.Before(began) {
		t.Fatalf("restore says %q; the backup began at %s", out, began)
	}
	var want [drivers]int64
	for d := range want {
		want[d] = acked[d].before(until)
	}
	if _, _, err := command(t, restored, env, "restore", file); err == nil {
		t.Error("a directory that is not empty was restored into")
	}
	p = start(t, restored, env...)
	copied, err := sql.Open("sqlite", "file:"+filepath.Join(restored, "dray.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	for d := range want {
		p.until(30*time.Second, fmt.Sprintf("d%d complete", d), func() bool {
			var rows, distinct, first, last int64
			err := copied.QueryRowContext(t.Context(), `SELECT count(*), count(DISTINCT seq), coalesce(min(seq), 0), coalesce(max(seq), 0) FROM positions
				WHERE driver_id = (SELECT id FROM drivers WHERE fleet = 'acme' AND driver = ?)`, fmt.Sprintf("d%d", d)).Scan(&rows, &distinct, &first, &last)
			if rows != distinct {
				t.Fatalf("d%d: %d rows of %d reports", d, rows, distinct)
			}
			return err == nil && distinct >= want[d] && first == 1 && last == distinct
		})
	}
}

// acknowledged is when one driver's reports were, in order.
type acknowledged struct {
	mu sync.Mutex
	at []time.Time
}

func (a *acknowledged) add(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, at)
}

// before returns how many were acknowledged before t.
func (a *acknowledged) before(t time.Time) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, _ := slices.BinarySearchFunc(a.at, t, time.Time.Compare)
	return int64(n)
}
