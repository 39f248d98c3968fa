package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/api"
	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/history"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/relay"
	"github.com/dray-fleet/dray/stream"
	"github.com/dray-fleet/dray/web"
)

// A part is a loop of the process. The first one that fails ends all.
type part struct {
	name string
	run  func(context.Context) error
}

// A node is one running process: its open resources and its parts.
type node struct {
	c       *configs.Config
	log     *slog.Logger
	metrics *prometheus.Registry
	name    string // among the nodes of one NATS; empty for one that is alone

	store       store
	stream      *stream.Log
	verifier    *auth.Verifier
	minter      *auth.Minter
	revocations *auth.Revocations
	devices     *auth.Devices
	registry    broker.Registry // nil: any driver that a token names is admitted
	broker      *broker.Broker  // nil without the role
	ingest      *ingest.Worker  // nil without the role
	relay       *relay.Relay    // nil in a process that is ingest alone

	httpListener, adminListener net.Listener

	parts   []part
	closers []func() error // in the order of opening; closed in reverse
}

// newNode opens everything that can fail, so that a busy port or a broken
// configuration is an error at start. What it has opened is closed again then.
func newNode(ctx context.Context, c *configs.Config, r roles, log *slog.Logger) (n *node, err error) {
	n = &node{c: c, log: log, metrics: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	n.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	steps := []func(context.Context) error{n.openData, n.openAuth, n.openStream}
	if r.broker {
		steps = append(steps, n.openBroker)
	}
	if r.ingest {
		steps = append(steps, n.openIngest)
	}
	if r.broker || r.api {
		steps = append(steps, n.openRelay)
	}
	if r.api || r.broker {
		steps = append(steps, func(ctx context.Context) error { return n.openHTTP(ctx, r.api) })
	}
	steps = append(steps, n.openAdmin)
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return n, err
		}
	}
	n.add("memory", tendMemory)
	return n, nil
}

// openData opens the data directory and the database, migrated.
func (n *node) openData(ctx context.Context) error {
	if err := dataDir(n.c); err != nil {
		return err
	}
	if err := removeOldCopies(n.c.Data.Dir); err != nil {
		return err
	}
	if err := await(ctx, n.log, "the database", func(ctx context.Context) (err error) {
		n.store, err = openStore(ctx, n.c)
		return err
	}); err != nil {
		return err
	}
	n.closers = append(n.closers, n.store.Close)
	return await(ctx, n.log, "the database", n.store.Migrate)
}

func (n *node) openAuth(context.Context) error {
	secret, err := secretOf(n.c)
	if err != nil {
		return err
	}
	n.revocations = auth.NewRevocations(nil)
	n.verifier, err = auth.NewVerifier(auth.Options{
		Secret: secret, KeysFile: n.c.Auth.KeysFile, JWKSURL: n.c.Auth.JWKSURL,
		Issuer: n.c.Auth.Issuer, Audience: n.c.Auth.Audience, Names: auth.Names(n.c.Auth.Claims),
		Revocations: n.revocations, Logger: n.log,
	})
	if err != nil {
		return err
	}
	n.devices = auth.NewDevices(credentials{n.store}, n.revocations, nil)
	if !n.c.Auth.AutoCreate {
		n.registry = newRoster(n.store)
	}
	n.minter, err = auth.NewMinter(secret, n.c.Auth.Issuer, n.c.Auth.Audience)
	if err != nil {
		return err
	}
	n.add("revocations", func(ctx context.Context) error { return n.revocations.Run(ctx, n.store, n.log) })
	return nil
}

func (n *node) openStream(ctx context.Context) error {
	opts := stream.Options{
		URL: n.c.Stream.URL, Sync: n.c.Stream.Sync, MaxBytes: int64(n.c.Stream.MaxBytes),
		Logger: n.log, Registerer: n.metrics,
	}
	if opts.URL == "" {
		opts.Dir = filepath.Join(n.c.Data.Dir, "stream")
	} else {
		n.name = nodeName()
		opts.Node = n.name
	}
	if err := await(ctx, n.log, "the stream", func(ctx context.Context) (err error) {
		n.stream, err = stream.Open(ctx, opts)
		return err
	}); err != nil {
		return err
	}
	n.closers = append(n.closers, n.stream.Close)
	return nil
}

// nodeName names this run of the process: a node that starts again is another
// one to those that knew it.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil || len(host) > 100 {
		host = "dray"
	}
	return host + "-" + rand.Text()[:8]
}

func (n *node) openBroker(context.Context) error {
	var tlsConfig *tls.Config
	if n.c.MQTT.TLSAddr != "" {
		certs, err := newCertificates(n.c.MQTT.TLS.Cert, n.c.MQTT.TLS.Key, n.c.MQTT.TLS.ClientCA, n.log)
		if err != nil {
			return fmt.Errorf("mqtt.tls: %w", err)
		}
		tlsConfig = certs.config()
	}
	var bus broker.Bus // a nil *stream.Log would not be nil in it
	if n.c.Stream.URL != "" {
		bus = n.stream
	}
	l := n.c.Limits
	b, err := broker.New(n.stream, logins{n.verifier, n.revocations, n.devices, n.registry}, broker.Options{
		Addr: n.c.MQTT.Addr, TLSAddr: n.c.MQTT.TLSAddr, TLS: tlsConfig,
		Origins: n.c.HTTP.Origins, Conformance: n.c.MQTT.Conformance, Node: n.name, Bus: bus,
		Registry: n.registry, Presence: n.store, Places: n.store, Logger: n.log, Registerer: n.metrics,
		Subscribed: func(fleetID, driver string) { n.relay.DriverConnected(fleetID, driver) }, // the relay is open before the broker runs
		Limits: broker.Limits{
			Connections: l.Connections, Unauthenticated: l.Unauthenticated, PerAddress: l.UnauthenticatedPerAddress,
			ConnectRate: l.ConnectsPerSecond, ConnectTimeout: l.ConnectTimeout, PacketSize: int(l.PacketSize),
			ReceiveMaximum: l.ReceiveMaximum, Subscriptions: l.Subscriptions, KeepAlive: l.KeepAlive,
			SessionExpiry: l.SessionExpiry, MessageRate: float64(l.MessageRate), MessageBurst: l.MessageBurst,
			SlowClose: l.SlowClose, QueueBytes: int(l.QueueBytes), QueueBytesTotal: int(l.QueueBytesTotal),
			SessionBytes: int(l.SessionBytes), SessionBytesTotal: int(l.SessionBytesTotal),
		},
	})
	if err != nil {
		return err
	}
	n.broker = b
	n.closers = append(n.closers, func() error { b.Close(); return nil })
	n.revocations.OnRevoke(func(fleet.Revocation) { b.EndRevoked() })
	n.add("broker", b.Run)
	return nil
}

func (n *node) openIngest(context.Context) error {
	w := ingest.New(n.stream, n.store, ingest.Options{
		MinInterval: n.c.Ingest.MinInterval, Logger: n.log, Registerer: n.metrics,
	})
	n.ingest = w
	n.add("ingest", w.Run)
	n.add("history", history.New(n.store, history.Options{MaxBytes: int64(n.c.Store.MaxBytes), Logger: n.log, Registerer: n.metrics}).Run)
	if m := n.c.Ingest.MQTT; m.URL != "" {
		foreign := ingest.MQTTOptions{URL: m.URL, ClientID: m.ClientID, Topics: m.Topics, Fleet: m.Fleet}
		if err := foreign.Validate(); err != nil {
			return fmt.Errorf("ingest.mqtt: %w", err)
		}
		n.add("ingest.mqtt", func(ctx context.Context) error { return w.SubscribeMQTT(ctx, foreign) })
	}
	return nil
}

// openHTTP opens the port of the web, REST and MQTT over WebSocket.
func (n *node) openHTTP(ctx context.Context, withAPI bool) error {
	mux := http.NewServeMux()
	if n.broker != nil {
		mux.Handle("/mqtt", n.broker)
	}
	if withAPI {
		proofs, err := n.stream.Objects(ctx, proofBucket)
		if err != nil {
			return err
		}
		a, err := api.New(api.Options{
			Store: n.store, Keeper: history.New(n.store, history.Options{MaxBytes: int64(n.c.Store.MaxBytes)}), Verifier: n.verifier, Minter: n.minter, Revocations: n.revocations, Broker: n.brokerOrNil(),
			Devices: n.devices, Closed: n.registry != nil, Log: uplink{n.stream, n.registry, n.broker}, Blobs: proofs, Deliverer: n.relay,
			Retrier: ingest.Retrier{Store: n.store}, Vitals: n.vitals, Erased: n.erased,
			Web: bundle(), LiveProto: codec.LiveProto, Version: version, MapSource: n.c.Map.Source,
			Origins: n.c.HTTP.Origins, Logger: n.log, Metrics: n.metrics,
		})
		if err != nil {
			return err
		}
		mux.Handle("/", a)
		n.add("api", a.Run)
	}
	ln, err := net.Listen("tcp", n.c.HTTP.Addr)
	if err != nil {
		return fmt.Errorf("http.addr: %w", err)
	}
	n.httpListener = ln
	n.closers = append(n.closers, closed(ln))
	serving := ln
	switch {
	case len(n.c.HTTP.TLS.ACMEDomains) > 0:
		serving = tls.NewListener(ln, acmeConfig(n.c))
	case n.c.HTTP.TLS.Cert != "":
		certs, err := newCertificates(n.c.HTTP.TLS.Cert, n.c.HTTP.TLS.Key, "", n.log)
		if err != nil {
			return fmt.Errorf("http.tls: %w", err)
		}
		serving = tls.NewListener(ln, certs.config())
	}
	srv := newHTTPServer(mux, n.log)
	if n.broker != nil {
		n.broker.TimeArrivals(srv)
	}
	n.add("http", func(ctx context.Context) error { return serveHTTP(ctx, serving, srv) })
	return nil
}

// erased has every broker show nothing any more of a driver whose data was erased,
// every ingest forget it, and its reports leave the disk of the stream.
func (n *node) erased(fleetID, driver string) {
	var err error
	if n.broker != nil {
		n.broker.Erased(fleetID, driver)
	} else {
		err = broker.TellErased(n.stream, fleetID, driver)
	}
	if n.ingest != nil {
		n.ingest.Erased(fleetID, driver)
	}
	if err = errors.Join(err, ingest.TellErased(n.stream, fleetID, driver), n.stream.LetGo()); err != nil {
		n.log.Error("erased, and not everywhere: erase it again", "fleet", fleetID, "driver", driver, "error", err)
	}
}

// brokerOrNil keeps a nil *Broker from becoming an interface that is not nil.
func (n *node) brokerOrNil() api.Broker {
	if n.broker == nil {
		return nil
	}
	return n.broker
}

func bundle() fs.FS { return web.Bundle() }

func (n *node) add(name string, run func(context.Context) error) {
	n.parts = append(n.parts, part{name, run})
}

// run runs every part until ctx is done or one of them fails.
func (n *node) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range n.parts {
		g.Go(func() error {
			if err := p.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (n *node) close() error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(errs...)
}

// closed closes a listener that its server may have closed already.
func closed(ln net.Listener) func() error {
	return func() error {
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}
