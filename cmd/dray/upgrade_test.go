package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A data directory that an older version left, killed while reports were in its
// stream, is opened, and nothing of it is missing. testdata/upgrade/README.md
// says what is in it; make upgrade tries whole older programs under load.
func TestOldDataDirectory(t *testing.T) {
	archives, err := filepath.Glob("testdata/upgrade/*.tar.gz")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, archive := range archives {
		t.Run(filepath.Base(archive), func(t *testing.T) { openOld(t, archive) })
	}
}

func openOld(t *testing.T, archive string) {
	const drivers, each = 3, 40
	from := time.Date(2026, 1, 10, 8, 0, 0, 0, time.UTC) // then one every ten seconds
	dir := t.TempDir()
	if out, err := exec.Command("tar", "-xzf", archive, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir)
	admin := p.token("admin", "root")
	query := "?from=" + url.QueryEscape(from.Format(time.RFC3339)) + "&to=" + url.QueryEscape(from.Add(time.Hour).Format(time.RFC3339))
	for d := range drivers {
		driver := "old-" + string(rune('1'+d))
		var track struct {
			Points []struct {
				FixAt time.Time `json:"fix_at"`
			}
		}
		p.until(30*time.Second, driver+" complete", func() bool {
			return p.get("/drivers/"+driver+"/track"+query, admin, &track) == 200 && len(track.Points) >= each
		})
		if len(track.Points) != each {
			t.Errorf("%s has %d points, want %d", driver, len(track.Points), each)
		}
		for i, point := range track.Points {
			if want := from.Add(time.Duration(i) * 10 * time.Second); !point.FixAt.Equal(want) {
				t.Fatalf("%s: point %d is of %s, want %s", driver, i, point.FixAt, want)
			}
		}
		var state struct {
			Position struct {
				FixAt time.Time `json:"fix_at"`
			}
		}
		last := from.Add((each - 1) * 10 * time.Second)
		p.until(30*time.Second, driver+" where it was last", func() bool {
			return p.get("/drivers/"+driver, admin, &state) == 200 && state.Position.FixAt.Equal(last)
		})
	}
	var shipment struct{ Reference, Status string }
	if status := p.get("/shipments/old-s1", admin, &shipment); status != 200 || shipment.Reference != "from before" || shipment.Status != "assigned" {
		t.Errorf("the shipment of before: %d %+v", status, shipment)
	}
	var told struct {
		Items []struct{ Kind string }
	}
	if status := p.get("/shipments/old-s1/events", admin, &told); status != 200 || len(told.Items) == 0 {
		t.Errorf("the history of the shipment: %d %+v", status, told)
	}
	if err := p.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, p.out.String())
	}
}
