package chaos

import (
	"context"
	"syscall"
	"time"
)

// killEverything is F16: all processes end at once and come back in the wrong
// order, the database last.
func killEverything(ctx context.Context, r *rig) error {
	a, err := r.upApart(ctx, nil)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 60, 1); err != nil {
		return err
	}
	if err := wait(ctx, 4*time.Second); err != nil {
		return err
	}
	dray := []*process{a.broker, a.api, a.ingest}
	for _, p := range append(dray, a.nats) {
		p.kill()
	}
	if err := a.postgres.stopNow(); err != nil { // SIGKILL would leave its children behind
		return err
	}
	for _, p := range dray {
		if err := p.start(); err != nil {
			return err
		}
	}
	if err := wait(ctx, 2*time.Second); err != nil {
		return err
	}
	if err := a.natsUp(ctx); err != nil {
		return err
	}
	if err := wait(ctx, 2*time.Second); err != nil {
		return err
	}
	if err := a.postgres.up(ctx); err != nil {
		return err
	}
	began := time.Now()
	for _, p := range dray {
		if err := p.waitReady(ctx); err != nil {
			return err
		}
	}
	if err := r.recovered(ctx, began, 15*time.Second); err != nil {
		return err
	}
	return r.settle(ctx)
}

// restartInTurn is F18: an upgrade under load.
func restartInTurn(ctx context.Context, r *rig) error {
	a, err := r.upApart(ctx, nil)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 60, 1); err != nil {
		return err
	}
	for _, p := range []*process{a.broker, a.ingest, a.api} {
		if err := wait(ctx, 3*time.Second); err != nil {
			return err
		}
		var g *guest
		if p == a.broker {
			if g, err = r.newGuest(ctx, "guest"); err != nil {
				return err
			}
		}
		took, err := p.term()
		if err != nil || took > 10*time.Second {
			r.breach("%s ended after %s: %v", p.name, took, err)
		}
		r.note("%s ended in order after %s", p.name, took.Round(time.Millisecond))
		if g != nil {
			if reason, err := g.farewell(5 * time.Second); err != nil || reason != serverShuttingDown {
				r.breach("an MQTT 5 client was told %#x (%v), want 0x8B, server shutting down", reason, err)
			} else {
				r.note("an MQTT 5 client was told 0x8B, server shutting down")
			}
		}
		began := time.Now()
		if err := p.up(ctx); err != nil {
			return err
		}
		if err := r.recovered(ctx, began, 10*time.Second); err != nil {
			return err
		}
	}
	return r.settle(ctx)
}

// pauseServer is F15: the machine stands still, as a virtual one does while it
// is moved.
func pauseServer(ctx context.Context, r *rig) error {
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 100, 2); err != nil {
		return err
	}
	if err := wait(ctx, 3*time.Second); err != nil {
		return err
	}
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	if err := wait(ctx, 20*time.Second); err != nil {
		return err
	}
	if err := p.signal(syscall.SIGCONT); err != nil {
		return err
	}
	if err := r.recovered(ctx, time.Now(), 10*time.Second); err != nil {
		return err
	}
	return r.settle(ctx)
}
