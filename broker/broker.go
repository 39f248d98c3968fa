package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/broker/packet"
)

// A Broker is the MQTT broker of one node.
type Broker struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	stream  Appender
	auth    Authenticator

	engine   *mqtt.Server
	inline   *mqtt.Client // publishes for the server itself
	tcp, tls net.Listener
	started  time.Time

	door      *door
	admission *admission
	retained  retained
	sessions  *sessions
	live      *live
	presence  *presence
	cluster   *cluster // nil: there are no other nodes

	topology  atomic.Uint64 // changes with every subscription and token
	waiting   atomic.Int64  // bytes that wait to be sent, of all connections
	pace      pace
	connected atomic.Int64
	totals    struct{ received, delivered, dropped atomic.Int64 } // publications since the start

	ctx      context.Context // ends with Run
	cancel   context.CancelFunc
	stopMu   sync.Mutex
	stopping bool
	serving  sync.WaitGroup // connections
}

// New returns a Broker that is listening but not yet serving.
func New(stream Appender, auth Authenticator, opts Options) (*Broker, error) {
	opts.setDefaults()
	b := &Broker{
		opts:      opts,
		log:       opts.Logger,
		stream:    stream,
		auth:      auth,
		started:   time.Now(),
		door:      newDoor(&opts.Limits),
		admission: newAdmission(opts.Limits.ConnectRate),
		retained:  newRetained(),
		sessions:  newSessions(),
	}
	b.metrics = newMetrics(b, opts.Registerer)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.live = newLive(b)
	b.presence = newPresence(b)
	b.cluster = newCluster(b)
	b.engine = newEngine(&b.opts)
	b.inline = b.newInline("server")
	if err := b.engine.AddHook(&hooks{b: b}, nil); err != nil {
		return nil, fmt.Errorf("broker: hook: %w", err)
	}
	if err := b.listen(); err != nil {
		return nil, err
	}
	return b, nil
}

// newEngine configures mochi to be bounded; what it cannot do well the guard
// does.
func newEngine(o *Options) *mqtt.Server {
	caps := mqtt.NewDefaultServerCapabilities()
	caps.MaximumClientWritesPending = engineQueue
	caps.MaximumInflight = uint16(min(acknowledging*o.Limits.InflightMessages, 65535)) // of a client that acknowledges
	caps.MaximumSessionExpiryInterval = engineForever
	caps.MaximumMessageExpiryInterval = 0 // only what a client lets expire does
	caps.MaximumPacketSize = 0            // the guard's business
	caps.ReceiveMaximum = uint16(min(o.Limits.ReceiveMaximum, 65535))
	caps.TopicAliasMaximum = 0
	caps.Compatibilities.NoInheritedPropertiesOnAck = true
	return mqtt.New(&mqtt.Options{
		Capabilities:             caps,
		ClientNetWriteBufferSize: 1, // each packet is written alone: the guard gathers
		ClientNetReadBufferSize:  64,
		Logger:                   quiet(o.Logger),
		InlineClient:             true,
	})
}

// Addr and TLSAddr return the bound addresses; TLSAddr is nil when TLS is off.
func (b *Broker) Addr() net.Addr { return b.tcp.Addr() }

// TLSAddr returns the bound address of MQTT over TLS, or nil.
func (b *Broker) TLSAddr() net.Addr {
	if b.tls == nil {
		return nil
	}
	return b.tls.Addr()
}

// Run serves until ctx is done, then tells every client (0x8B) and waits for
// their connections to end.
func (b *Broker) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.accept(b.tcp, "tcp") })
	if b.tls != nil {
		g.Go(func() error { return b.accept(b.tls, "tls") })
	}
	g.Go(func() error { b.live.run(ctx); return nil })
	g.Go(func() error { b.chores(ctx); return nil })
	g.Go(func() error { b.presence.run(ctx); return nil })
	g.Go(func() error { b.pace.run(ctx, &b.totals.delivered); return nil })
	if b.cluster != nil {
		g.Go(func() error { return b.cluster.run(ctx) })
	}
	g.Go(func() error { b.sweepEvery(ctx, time.Second); return nil })
	<-ctx.Done()
	b.stop()
	return g.Wait()
}

func (b *Broker) sweepEvery(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var read time.Time // the meters
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			b.sweep(now)
			if now.Sub(read) >= meterEvery {
				read = now
				b.readMeters(now)
			}
		}
	}
}

// stop closes the listeners and ends every connection.
func (b *Broker) stop() {
	b.stopMu.Lock()
	stopping := b.stopping
	b.stopping = true
	b.stopMu.Unlock()
	if stopping {
		return
	}
	_ = b.tcp.Close()
	if b.tls != nil {
		_ = b.tls.Close()
	}
	b.presence.close()
	for _, c := range b.sessions.live() {
		c.end(packet.CodeShuttingDown, "the server is shutting down")
	}
	b.cancel()
	b.serving.Wait()
	_ = b.engine.Close() // has nothing to close that could fail
}

// Close closes the listeners of a Broker that never ran; after Run there is
// nothing left to close.
func (b *Broker) Close() { b.stop() }

// Publish sends a publication of the server's own to all who subscribe to it, on
// every node. Retained ones replace the topic's last; an empty payload removes it.
func (b *Broker) Publish(topic string, payload []byte, retain bool, qos byte) {
	b.publishHere(topic, payload, retain, qos)
	b.cluster.publish(topic, &packet.Publish{Payload: payload, Retain: retain, QoS: qos})
}

// publishHere is Publish for the subscribers of this node.
func (b *Broker) publishHere(topic string, payload []byte, retain bool, qos byte) {
	if err := b.engine.Publish(topic, payload, retain, qos); err != nil {
		b.log.Error("publish", "topic", topic, "error", err)
	}
}

// newInline returns a client of the engine that publishes as id. It speaks MQTT
// 5: the engine lets nothing else expire.
func (b *Broker) newInline(id string) *mqtt.Client {
	cl := b.engine.NewClient(nil, mqtt.LocalListener, id, true)
	cl.Properties.ProtocolVersion = packet.V5
	return cl
}

// inject publishes p through the engine, as from c when it is to be kept from c;
// c may be nil.
func (b *Broker) inject(c *conn, p *packet.Publish, topic string) {
	pk := packets.Packet{ProtocolVersion: packet.V311}
	if len(p.Props) > 0 {
		frame := packet.AppendPublish(nil, packet.V5, &packet.Publish{Topic: p.Topic, Props: p.Props})
		pk.ProtocolVersion = packet.V5
		pk.FixedHeader.Type = packets.Publish // the decoder asks which properties it may have
		pk.FixedHeader.Remaining = len(frame)
		if err := pk.PublishDecode(body(frame)); err != nil {
			b.log.Error("publish properties", "topic", topic, "error", err)
			return
		}
	}
	pk.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: p.QoS, Retain: p.Retain}
	pk.TopicName, pk.Payload = topic, append([]byte(nil), p.Payload...)
	pk.PacketID = uint16(p.QoS) // the engine wants one; the guard has acknowledged
	from := b.inline
	if c != nil && c.keepsFrom(topic) {
		if c.inline == nil {
			c.inline = b.newInline(c.key)
		}
		from = c.inline
	}
	if err := b.engine.InjectPacket(from, pk); err != nil {
		b.log.Error("publish", "topic", topic, "error", err)
	}
}

// body returns what follows the fixed header.
func body(frame []byte) []byte {
	for i := 1; i < len(frame); i++ {
		if frame[i] < 0x80 {
			return frame[i+1:]
		}
	}
	return nil
}
