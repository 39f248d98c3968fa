package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dray-fleet/dray/bench/load"
	"github.com/dray-fleet/dray/bench/servers"
	"github.com/dray-fleet/dray/bench/socketio"
)

// all keeps every fix, so that ingest stores what it is given.
const all = "DRAY_INGEST_MIN_INTERVAL=0s"

// deep lets a dispatcher fall behind for a moment before positions are
// conflated; mosquitto's queues have no limit at all here.
const deep = "DRAY_LIMITS_QUEUE_BYTES=64MiB"

// on starts a server, gives it to f, and stops it.
func on(start func() (*servers.Server, error), f func(*servers.Server) error) error {
	s, err := start()
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Stop())
}

func (b *bench) dray(env ...string) func() (*servers.Server, error) {
	return func() (*servers.Server, error) { return servers.Dray(b.binary, b.core, "", env...) }
}

func (b *bench) mosquitto() (*servers.Server, error) { return servers.Mosquitto(b.core) }

// load runs an MQTT load on s and returns the CPU time that s used meanwhile.
func (b *bench) load(ctx context.Context, s *servers.Server, opts load.Options) (load.Result, time.Duration, error) {
	opts.Addr, opts.Token, opts.Fleet = cmp.Or(opts.Addr, s.MQTT), s.Token, servers.Fleet
	opts.Duration, opts.Grace = cmp.Or(opts.Duration, b.length), 30*time.Second // a busy machine is slow, not wrong
	var used time.Duration
	opts.Measure = func() func() {
		before := s.CPU()
		return func() { used = s.CPU() - before }
	}
	if b.cpu == "" || s.Name != dray {
		r, err := load.Run(ctx, opts)
		return r, used, err
	}
	profiled := make(chan error, 1)
	go func() {
		b.profiles++
		name := fmt.Sprintf("%s-%d.prof", b.report.about[len(b.report.about)-1].name, b.profiles)
		profiled <- s.Profile(filepath.Join(b.cpu, name), opts.Duration)
	}()
	r, err := load.Run(ctx, opts)
	return r, used, errors.Join(err, <-profiled)
}

// publish measures publishes that are acknowledged: dray with everything it is,
// dray's broker and stream without ingest, and the others.
func (b *bench) publish(ctx context.Context) error {
	mqtt := func(name string) func(*servers.Server) error {
		return func(s *servers.Server) error {
			r, used, err := b.load(ctx, s, load.Options{})
			if err != nil {
				return err
			}
			b.report.add(name, acked, "/s", float64(r.Acked)/r.Elapsed.Seconds())
			b.report.add(name, cpuPublish, "s", used.Seconds()/float64(r.Acked)*1e5)
			b.report.addMillis(name, ackP50, r.Ack.P50)
			b.report.addMillis(name, ackP99, r.Ack.P99)
			b.report.addMillis(name, deliveryP99, r.Delivery.P99)
			b.report.add(name, lost, "", float64(r.Expected-r.Delivered))
			return nil
		}
	}
	socketIO := func(rooms bool) error {
		start := func() (*servers.Server, error) {
			return servers.SocketIO(filepath.Join(b.folder, "socketio"), b.core, rooms)
		}
		return on(start, func(s *servers.Server) error {
			var used time.Duration
			r, err := socketio.Run(ctx, socketio.Options{Addr: s.HTTP, Duration: b.length, Measure: func() func() {
				before := s.CPU()
				return func() { used = s.CPU() - before }
			}})
			if err != nil {
				return err
			}
			b.report.add(s.Name, acked, "/s", float64(r.Acked)/r.Elapsed.Seconds())
			b.report.add(s.Name, cpuPublish, "s", used.Seconds()/float64(max(r.Acked, 1))*1e5)
			return nil
		})
	}
	apart := func() (*servers.Server, error) { return servers.Broker(b.core, "") }
	return errors.Join(
		on(b.dray(deep), mqtt(dray)),
		on(b.mosquitto, mqtt(mosquitto)),
		on(apart, mqtt("dray without ingest")),
		socketIO(true),
		socketIO(false),
	)
}
