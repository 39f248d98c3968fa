package chaos

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// An apart is dray in roles: broker, ingest and API, each a process, with
// PostgreSQL and a NATS server.
type apart struct {
	postgres            *postgres
	nats                *process
	natsAddr            string
	broker, ingest, api *process
}

// describeApart makes the parts without starting one. The stream is looked for
// at natsVia, or where it is when that is nil. env adds settings.
func (r *rig) describeApart(ctx context.Context, natsVia func(target string) (string, error), env ...string) (*apart, error) {
	pg, err := newPostgres(ctx, r.dir)
	if err != nil {
		return nil, err
	}
	a := &apart{postgres: pg}
	if a.natsAddr, err = freeAddr(); err != nil {
		return nil, err
	}
	a.nats = &process{
		name: "nats", binary: r.opts.Binary, args: []string{"chaos", "nats", a.natsAddr, filepath.Join(r.dir, "nats")},
		env: r.environment("nats"), logPath: filepath.Join(r.dir, "nats.log"), ours: true,
	}
	r.processes = append(r.processes, &pg.process, a.nats)
	through := a.natsAddr
	if natsVia != nil {
		if through, err = natsVia(a.natsAddr); err != nil {
			return nil, err
		}
	}
	for _, x := range []struct {
		into *(*process)
		role string
		addr string
	}{{&a.broker, "broker", through}, {&a.ingest, "ingest", a.natsAddr}, {&a.api, "api", a.natsAddr}} {
		all := append([]string{"DRAY_STORE_URL=" + pg.url, "DRAY_STREAM_URL=nats://" + x.addr, "DRAY_STREAM_MAX_BYTES=4GiB"}, env...)
		if *x.into, err = r.add(x.role, all...); err != nil {
			return nil, err
		}
	}
	if r.db, err = openPostgres(pg.url); err != nil {
		return nil, err
	}
	r.closers = append(r.closers, r.db.Close)
	return a, nil
}

func (a *apart) natsUp(ctx context.Context) error {
	if err := a.nats.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return poll(ctx, "NATS up", func() (bool, error) {
		if !a.nats.running() {
			return false, fmt.Errorf("NATS ended: see %s", a.nats.logPath)
		}
		conn, err := net.DialTimeout("tcp", a.natsAddr, time.Second)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
}

// upApart starts the parts in the usual order.
func (r *rig) upApart(ctx context.Context, natsVia func(string) (string, error), env ...string) (*apart, error) {
	a, err := r.describeApart(ctx, natsVia, env...)
	if err != nil {
		return nil, err
	}
	return a, r.startApart(ctx, a)
}

func (r *rig) startApart(ctx context.Context, a *apart) error {
	if err := a.postgres.up(ctx); err != nil {
		return err
	}
	if err := a.natsUp(ctx); err != nil {
		return err
	}
	for _, p := range []*process{a.broker, a.ingest, a.api} {
		if err := p.up(ctx); err != nil {
			return err
		}
	}
	r.sample()
	return nil
}
