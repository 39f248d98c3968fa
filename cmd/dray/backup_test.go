package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
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
	_, until := momentsOf(t, out)
	if until.Before(began) {
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

// momentsOf reads what a restore says: the moments before which all, and what
// drivers reported, is in it.
func momentsOf(t *testing.T, said string) (all, reported time.Time) {
	t.Helper()
	var moments []time.Time
	for _, word := range strings.Fields(said) {
		if at, err := time.Parse(time.RFC3339Nano, word); err == nil {
			moments = append(moments, at)
		}
	}
	if len(moments) != 2 {
		t.Fatalf("restore says %q, want two moments", said)
	}
	return moments[0], moments[1]
}

// What was answered with 201 before the moment is there too: shipments that are
// created while the backup is written, and photos, which are in no database.
func TestBackupHasWhatHTTPAcknowledged(t *testing.T) {
	p := start(t, t.TempDir())
	admin := bearer(p.token("admin", "boss"))
	create := func(id string) int {
		return p.send("POST", "/shipments", "application/json", []byte(`{"id":"`+id+`"}`), admin, nil)
	}
	if got := create("s0"); got != http.StatusCreated {
		t.Fatalf("POST /shipments = %d", got)
	}
	var photo struct{ ID string }
	if got := p.send("POST", "/shipments/s0/proof", "image/jpeg", []byte("\xff\xd8\xff\xe0 photo"), admin, &photo); got != http.StatusCreated {
		t.Fatalf("POST /shipments/s0/proof = %d", got)
	}
	var created acknowledged
	ctx, cancel := context.WithCancel(t.Context())
	var clerk sync.WaitGroup
	clerk.Go(func() {
		for i := 1; ctx.Err() == nil; i++ {
			if got := create(fmt.Sprint("s", i)); got != http.StatusCreated {
				t.Errorf("POST /shipments = %d", got)
				return
			}
			created.add(time.Now())
		}
	})
	defer clerk.Wait()
	defer cancel()
	p.until(30*time.Second, "a clerk at work", func() bool { return created.before(time.Now()) > 5 })
	file := filepath.Join(t.TempDir(), "backup.tar")
	if out, errs, err := command(t, p.dir, nil, "backup", file); err != nil {
		t.Fatalf("backup: %v\n%s%s\n%s", err, out, errs, p.out.String())
	}
	cancel()
	clerk.Wait()
	p.kill()

	restored := filepath.Join(t.TempDir(), "restored")
	out, errs, err := command(t, restored, nil, "restore", file)
	if err != nil {
		t.Fatalf("restore: %v\n%s%s", err, out, errs)
	}
	all, _ := momentsOf(t, out)
	again := start(t, restored)
	token := again.token("dispatcher", "dispo")
	for i := range created.before(all) + 1 {
		if status := again.get(fmt.Sprint("/shipments/s", i), token, nil); status != http.StatusOK {
			t.Errorf("shipment %d of before = %d", i, status)
		}
	}
	if status := again.get("/shipments/s0/proof/"+photo.ID, token, nil); status != http.StatusOK {
		t.Errorf("the photo = %d", status)
	}
}

// A restore that did not come to its end leaves nothing that a server starts on.
func TestRestoreCutShort(t *testing.T) {
	p := start(t, t.TempDir())
	whole := filepath.Join(t.TempDir(), "backup.tar")
	if out, errs, err := command(t, p.dir, nil, "backup", whole); err != nil {
		t.Fatalf("backup: %v\n%s%s", err, out, errs)
	}
	archive, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short.tar")
	if err := os.WriteFile(short, archive[:len(archive)-2048], 0o600); err != nil { // the last entry and the end of the archive
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if out, _, err := command(t, dir, nil, "restore", short); err == nil {
		t.Fatalf("a backup that was cut short was restored: %s", out)
	}
	for _, args := range [][]string{{"serve"}, {"restore", whole}} {
		if _, errs, err := command(t, dir, nil, args...); err == nil || !strings.Contains(errs, dir) {
			t.Errorf("%q after it: %v %s", args, err, errs)
		}
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
