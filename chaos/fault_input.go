package chaos

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/fleet"
)

// sayAgain is F10: every report three times — as a duplicate under its packet
// id, under another, and once more after the connection was lost — and the
// server killed in between, so that no memory of it helps.
func sayAgain(ctx context.Context, r *rig) error {
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 20, 0); err != nil {
		return err
	}
	const drivers, each = 10, 200
	boot := rand.Text()[:12]
	base := time.Now().Add(-time.Hour)
	echo := func(ctx context.Context, driver string) error {
		c, err := r.dialDriver(ctx, driver, nil)
		if err != nil {
			return err
		}
		defer c.close()
		for seq := int64(1); seq <= each; seq++ {
			said := report{driver, boot, seq}
			r.account.noteSent(said)
			body := fixPayload(base.Add(time.Duration(seq)*time.Second), boot, seq, nil)
			id := uint16(50_000 + seq)
			c.send(r.locationTopic(driver), body, id, false)
			again := c.send(r.locationTopic(driver), body, id, true)
			other := c.send(r.locationTopic(driver), body, 0, false)
			if err := within(other, 30*time.Second); err != nil {
				return fmt.Errorf("a report said again: %w", err)
			}
			if err := within(again, 30*time.Second); err != nil {
				return fmt.Errorf("a duplicate: %w", err)
			}
			r.account.noteAcked(said)
		}
		return nil
	}
	say := func() error {
		g, ctx := errgroup.WithContext(ctx)
		for d := range drivers {
			g.Go(func() error { return echo(ctx, fmt.Sprintf("echo-%d", d)) })
		}
		return g.Wait()
	}
	for range 2 {
		if err := say(); err != nil {
			return err
		}
	}
	p.kill()
	began := time.Now()
	if err := p.up(ctx); err != nil {
		return err
	}
	if err := r.recovered(ctx, began, 5*time.Second); err != nil {
		return err
	}
	if err := say(); err != nil {
		return err
	}
	return r.settle(ctx)
}

// poison is F14: in each 500 reports one that cannot be decoded, and later ones
// that only the database refuses.
func poison(ctx context.Context, r *rig) error {
	if _, err := r.serve(ctx); err != nil {
		return err
	}
	if err := r.load(ctx, 20, 0); err != nil {
		return err
	}
	// Latitudes below -80 degrees are what only the database refuses.
	const trigger = `CREATE TRIGGER chaos_poison BEFORE INSERT ON positions WHEN NEW.lat < -800000000
		BEGIN SELECT RAISE(ABORT, 'no such place'); END`
	if _, err := r.db.ExecContext(ctx, trigger); err != nil {
		return err
	}
	bodies := [][]byte{
		[]byte("{"), []byte(`{"fix_at":1,"lat":91,"lon":0}`), []byte(`[]`), {0xff, 0}, []byte(`{"lat":1,"lon":2}`),
		fixPayload(time.Now(), "poison", 1, map[string]any{"lat": -85}),
	}
	const each = 500
	driver, boot := "poisoner", rand.Text()[:12]
	c, err := r.dialDriver(ctx, driver, nil)
	if err != nil {
		return err
	}
	defer c.close()
	base := time.Now().Add(-time.Hour)
	for n := range len(bodies) {
		answers := make([]<-chan error, 0, each)
		for i := range each {
			if i == each/2 {
				answers = append(answers, c.send(r.locationTopic(driver), bodies[n], 0, false))
				continue
			}
			seq := int64(n*each + i)
			r.account.noteSent(report{driver, boot, seq})
			answers = append(answers, c.send(r.locationTopic(driver), fixPayload(base.Add(time.Duration(seq)*time.Second), boot, seq, nil), 0, false))
		}
		for i, answer := range answers {
			if err := within(answer, 30*time.Second); err != nil {
				return fmt.Errorf("report %d: %w", i, err)
			}
			if i != each/2 {
				r.account.noteAcked(report{driver, boot, int64(n*each + i)})
			}
		}
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	letters, err := r.db.number(ctx, "SELECT count(*) FROM dead_letters WHERE reason <> ''")
	if err != nil {
		return err
	}
	if letters != int64(len(bodies)) {
		r.breach("%d dead letters with a reason, want %d", letters, len(bodies))
	}
	_, metrics := get(ctx, r.admins["serve"]+"/metrics", "")
	if tries := metrics.metric("dray_ingest_retries_total"); tries > 10 {
		r.breach("ingest tried again %.0f times", tries)
	}
	token, err := r.token(fleet.RoleAdmin, "root")
	if err != nil {
		return err
	}
	if status, _ := get(ctx, r.http+"/api/v1/dead-letters", token); status != 200 {
		r.breach("GET /dead-letters = %d", status)
	}
	return nil
}
