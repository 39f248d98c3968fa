package chaos

import (
	"context"
	"time"
)

// killServer is F1.
func killServer(ctx context.Context, r *rig) error {
	p, err := r.serve(ctx, "DRAY_WEBHOOKS_ALLOW_PRIVATE=true")
	if err != nil {
		return err
	}
	if err := r.clerical(ctx); err != nil {
		return err
	}
	if err := r.load(ctx, 100, 4); err != nil {
		return err
	}
	for range r.times(5, 3) {
		if err := wait(ctx, 3*time.Second); err != nil {
			return err
		}
		p.kill()
		began := time.Now()
		if err := p.up(ctx); err != nil {
			return err
		}
		if err := r.recovered(ctx, began, 5*time.Second); err != nil {
			return err
		}
	}
	return r.settle(ctx)
}

// killIngest is F2: each kill comes as soon as a commit is seen in the database,
// which is before the stream hears of it, at most a second later.
func killIngest(ctx context.Context, r *rig) error {
	a, err := r.upApart(ctx, nil)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 60, 1); err != nil {
		return err
	}
	for range r.times(5, 3) {
		if err := wait(ctx, 2*time.Second); err != nil {
			return err
		}
		before, err := r.db.progress(ctx)
		if err != nil {
			return err
		}
		if err := poll(ctx, "committed", func() (bool, error) {
			now, err := r.db.progress(ctx)
			return now > before, err
		}); err != nil {
			return err
		}
		a.ingest.kill()
		began := time.Now()
		if err := a.ingest.up(ctx); err != nil {
			return err
		}
		// The partitions are taken when the dead one's leases have expired.
		if err := r.recovered(ctx, began, 10*time.Second); err != nil {
			return err
		}
	}
	return r.settle(ctx)
}
