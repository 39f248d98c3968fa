package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Bounds of a driver.
const (
	maxInflight = 16 // publishes that wait for their acknowledgement
	healthEvery = time.Minute
	firstRetry  = 500 * time.Millisecond
	lastRetry   = 30 * time.Second
	drainTime   = 3 * time.Second // for acknowledgements at the end
)

// A driver is one phone: a vehicle, an outbox and, outside tunnels, a link. All
// of it belongs to the goroutine of run.
type driver struct {
	sim     *Sim
	id      string
	rng     *rand.Rand
	vehicle *vehicle
	battery float64
	seq     int64
	outbox  outbox

	link     *link
	dialing  bool
	inTunnel bool
	retry    time.Duration
	inflight int

	workers sync.WaitGroup
	linked  chan dialled
	done    chan sent
}

type dialled struct {
	link *link
	err  error
}

type sent struct {
	fixes []fix // nil for duty and health, which are not sent again
	err   error
}

func (s *Sim) newDriver(i int) *driver {
	rng := rand.New(rand.NewPCG(s.opts.Seed, uint64(i)+1))
	return &driver{
		sim:     s,
		id:      fmt.Sprintf("%s-%03d", s.opts.Prefix, i+1),
		rng:     rng,
		vehicle: newVehicle(s.roads, rng),
		battery: 60 + 40*rng.Float64(),
		retry:   firstRetry,
		linked:  make(chan dialled, 1),
		done:    make(chan sent, maxInflight),
	}
}

// run drives, and reports every interval, until ctx is done.
func (d *driver) run(ctx context.Context) {
	interval := d.sim.opts.Interval
	tick := time.NewTimer(d.share(interval)) // spread the drivers over the interval
	defer tick.Stop()
	health := time.NewTimer(d.share(healthEvery))
	defer health.Stop()
	redial := time.NewTimer(0)
	defer redial.Stop()
	tunnel := time.NewTimer(d.share(10 * d.sim.opts.Tunnel))
	defer tunnel.Stop()
	if d.sim.opts.Tunnel == 0 {
		tunnel.Stop()
	}

	for {
		var gone chan struct{}
		if d.link != nil {
			gone = d.link.gone
		}
		select {
		case <-ctx.Done():
			d.finish()
			return
		case <-tick.C:
			tick.Reset(interval)
			d.vehicle.advance(interval)
			d.sim.dropped.Add(int64(d.outbox.add(d.fix())))
			d.flush()
		case <-health.C:
			health.Reset(healthEvery)
			d.report("health", map[string]any{
				"at": now(), "battery_pct": math.Round(d.battery), "network": "cellular",
				"permission": "granted", "app": "foreground", "queue": len(d.outbox.waiting),
			})
		case r := <-d.done:
			d.settle(r)
			d.flush()
		case <-redial.C:
			d.dial(ctx)
		case r := <-d.linked:
			d.dialing = false
			switch {
			case r.err != nil:
				d.sim.noteError(r.err)
				redial.Reset(d.retry/2 + d.share(d.retry))
				d.retry = min(2*d.retry, lastRetry)
			case d.inTunnel:
				r.link.cut()
			default:
				d.link, d.retry = r.link, firstRetry
				d.sim.connected.Add(1)
				d.report("duty", map[string]any{"state": fleet.DutyOn, "at": now()})
				d.flush()
			}
		case <-gone:
			d.unlink()
			redial.Reset(d.share(2 * firstRetry))
		case <-tunnel.C:
			d.inTunnel = !d.inTunnel
			if d.inTunnel {
				tunnel.Reset(d.about(d.sim.opts.Tunnel))
				if d.link != nil {
					d.link.cut()
				}
			} else {
				tunnel.Reset(d.about(10 * d.sim.opts.Tunnel))
				redial.Reset(0)
			}
		}
	}
}

// share returns a part of t, at random; about returns t, give or take a half.
func (d *driver) share(t time.Duration) time.Duration {
	return time.Duration(d.rng.Float64() * float64(t))
}
func (d *driver) about(t time.Duration) time.Duration { return t/2 + d.share(t) }

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// fix reads the receiver: a few metres off, and no heading while standing.
func (d *driver) fix() fix {
	d.seq++
	d.battery = math.Max(5, d.battery-d.sim.opts.Interval.Hours()*4)
	p := d.vehicle.place()
	lat, lon := d.sim.city.degrees(p.x+3*d.rng.NormFloat64(), p.y+3*d.rng.NormFloat64())
	f := fix{
		FixAt:    now(),
		Lat:      round(lat, 1e6),
		Lon:      round(lon, 1e6),
		Accuracy: round(3+6*d.rng.Float64(), 10),
		Speed:    round(d.vehicle.speed, 100),
		Battery:  math.Round(d.battery),
		Boot:     d.sim.boot,
		Seq:      d.seq,
		Source:   "phone",
		Trigger:  "time",
	}
	if f.Speed > 0.5 {
		f.Heading = fleet.Some(math.Mod(round(d.vehicle.heading(), 10), 360))
	}
	return f
}

func round(v, parts float64) float64 { return math.Round(v*parts) / parts }

// dial connects in the background, as soon as fewer than Options.Dials others do.
func (d *driver) dial(ctx context.Context) {
	if d.dialing || d.link != nil || d.inTunnel {
		return
	}
	d.dialing = true
	d.workers.Go(func() {
		select {
		case d.sim.dials <- struct{}{}:
		case <-ctx.Done():
			d.linked <- dialled{err: ctx.Err()}
			return
		}
		defer func() { <-d.sim.dials }()
		l, err := d.sim.connect(ctx, d.id)
		d.linked <- dialled{l, err}
	})
}

func (d *driver) unlink() {
	d.link = nil
	d.sim.connected.Add(-1)
}

// flush sends what waits, as far as the window of unacknowledged publishes
// allows.
func (d *driver) flush() {
	for d.link != nil && d.inflight < maxInflight {
		fixes := d.outbox.take()
		if fixes == nil {
			return
		}
		for i := range fixes {
			fixes[i].SentAt = now()
		}
		var payload any = fixes
		if len(fixes) == 1 {
			payload = fixes[0]
		}
		d.send("location", payload, fixes)
	}
}

// report publishes what is worth nothing later: it is not kept without a link.
func (d *driver) report(leaf string, payload any) {
	if d.link != nil && d.inflight < maxInflight {
		d.send(leaf, payload, nil)
	}
}

func (d *driver) send(leaf string, payload any, fixes []fix) {
	b, err := json.Marshal(payload)
	if err != nil {
		panic(err) // finite numbers and plain strings
	}
	if d.sim.sent != nil {
		d.sim.sent.add(d.id, fixes)
	}
	d.inflight++
	d.sim.published.Add(1)
	topic, l := fleet.DriverTopic(d.sim.opts.Fleet, d.id, leaf), d.link
	d.workers.Go(func() { d.done <- sent{fixes, l.publish(topic, b)} })
}

// settle notes what became of a publish.
func (d *driver) settle(r sent) {
	d.inflight--
	if r.err != nil {
		d.sim.failed.Add(1)
		d.outbox.putBack(r.fixes)
		return
	}
	d.sim.acked.Add(1)
	d.sim.fixes.Add(int64(len(r.fixes)))
	if d.sim.ledger != nil {
		d.sim.ledger.add(d.id, r.fixes)
	}
}

// finish waits a while for the acknowledgements under way, then disconnects.
func (d *driver) finish() {
	if d.link != nil {
		grace := time.After(drainTime)
		for d.inflight > 0 {
			select {
			case r := <-d.done:
				d.settle(r)
				continue
			case <-grace:
			}
			break
		}
		d.link.close()
		d.unlink()
	}
	d.workers.Wait()
	for d.inflight > 0 {
		d.settle(<-d.done)
	}
	if d.dialing {
		if r := <-d.linked; r.err == nil {
			r.link.close()
		}
	}
	d.sim.waiting.Add(int64(len(d.outbox.waiting)))
}
