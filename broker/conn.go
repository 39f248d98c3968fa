package broker

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
)

// A conn is one client's connection, and the net.Conn that the engine writes
// its packets to. The engine is shown only the frames that are its business.
//
// Fields without a note belong to the reader: the one goroutine that runs the
// handshake, then serve, then the farewell.
type conn struct {
	b         *Broker
	nc        net.Conn
	remote    string
	transport string // tcp, tls or ws
	peer      peerCert

	// Set by the handshake, read-only afterwards.
	version     byte
	clientID    string // as the client knows it
	key         string // fleet and client id: the session's name in the engine
	assigned    bool   // the server chose the client id
	authMethod  string // of MQTT 5 enhanced authentication; empty is none
	keepAlive   time.Duration
	imposed     bool      // the client asked for another keep-alive
	maxPacket   int       // largest packet that the client takes; 0 is no limit
	problemInfo bool      // reason strings are welcome
	shortened   bool      // the session expires sooner than the client asked for
	openedAt    time.Time // when it was accepted
	session     *session
	start       int   // of session.starts, the one that this connection belongs to
	will        *will // nil is none; the reader clears it at a clean DISCONNECT

	claims atomic.Pointer[auth.Claims] // replaced by renewal
	client atomic.Pointer[mqtt.Client] // the engine's, from CONNECT on

	lock     *sync.Mutex // of the session's key, while this connection holds it
	in       inbound
	routes   routes
	rate     bucket
	lastRead time.Time           // when the read deadline was set last
	now      time.Time           // when what is being dealt with was read
	heard    bool                // a whole packet has come since the read deadline was asked for
	partly   int                 // bytes of one that is not whole yet, since then
	settled  time.Time           // when it published last, in conformance mode
	watching map[string]struct{} // fleets whose drivers on other nodes it sees; under cluster.mu

	subscribing subscribing // the SUBSCRIBE or UNSUBSCRIBE that the engine works on

	out        outbound
	acks       acks
	deliveries deliveries
	acking     sync.Mutex
	succeeded  bool // another connection has the session; under acking
	held       held // QoS 1 and 2 deliveries that wait for the client's Receive Maximum

	inline   *mqtt.Client // publishes in the client's name, made when first needed
	counted  bool         // among the connected ones
	greeted  atomic.Bool  // the CONNACK is among what is sent
	replaced atomic.Bool  // a clean start has ended its session

	expiry *time.Timer // ends the connection with the token; set under endMu

	endMu     sync.Mutex
	endReason string // why the connection ended; the first reason stands
	endCode   byte
	closed    atomic.Bool // no more frames are read

	received  atomic.Int64 // publishes of the client
	delivered atomic.Int64 // publications to the client
	meter     meter
}

// newConn returns a connection that has said nothing yet.
func (b *Broker) newConn(nc net.Conn, transport string, at time.Time) *conn {
	l := &b.opts.Limits
	c := &conn{
		b: b, nc: nc, remote: nc.RemoteAddr().String(), transport: transport,
		openedAt: at,
		rate:     newBucket(l.MessageRate, l.MessageBurst, l.SlowClose),
	}
	c.out = outbound{nc: nc, limit: l.QueueBytes, total: &b.waiting, most: int64(l.QueueBytesTotal), pace: &b.pace}
	c.out.room.L = &c.out.mu
	c.acks.room.L = &c.acks.mu
	return c
}

// errEnded is what the engine reads when the guard has ended the connection.
var errEnded = errors.New("connection ended")

// serve deals with what the client sends, until the connection ends.
func (c *conn) serve() {
	c.now = time.Now() // of what came together with the CONNECT
	c.heard = true
	for !c.closed.Load() {
		frame, err := c.in.frame(c.b.opts.Limits.PacketSize, c.fill)
		c.heard = true
		if err == nil {
			err = c.handle(frame)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// keepsAlive is how many bytes of a large packet count as much as a whole one.
const keepsAlive = 1 << 10

// fill reads from the socket until the keep-alive ends. Whole packets extend it,
// not a few bytes now and then [MQTT-3.1.2-22].
func (c *conn) fill(buf []byte) (int, error) {
	if c.heard || c.partly >= keepsAlive {
		c.heard, c.partly = false, 0
		if now := time.Now(); now.Sub(c.lastRead) > c.keepAlive/16 {
			c.lastRead = now
			_ = c.nc.SetReadDeadline(now.Add(c.keepAlive + c.keepAlive/2))
		}
	}
	if c.closed.Load() { // ended while the deadline was being set
		return 0, errEnded
	}
	n, err := c.nc.Read(buf)
	c.partly += n
	c.now = time.Now()
	return n, err
}

// handle does what one frame asks for.
func (c *conn) handle(frame []byte) error {
	switch frame[0] >> 4 {
	case packet.TypePublish:
		return c.publish(frame)
	case packet.TypePuback, packet.TypePubrec, packet.TypePubcomp:
		return c.acknowledged(frame)
	case packet.TypePubrel:
		return c.release(frame)
	case packet.TypeSubscribe:
		return c.subscribe(frame)
	case packet.TypeUnsubscribe:
		return c.unsubscribe(frame)
	case packet.TypePingreq:
		if err := packet.Check(frame, c.version); err != nil {
			return err
		}
		c.send(pingresp)
		return nil
	case packet.TypeDisconnect:
		return c.disconnect(frame)
	case packet.TypeAuth:
		return c.renew(frame)
	}
	if c.b.opts.Conformance {
		// A suite has two threads read the connection then. Each would get a part
		// of a DISCONNECT, and wait for the rest for ever.
		return &refusal{packet.CodeProtocolError, "a second CONNECT"}
	}
	return &packet.Malformed{Code: packet.CodeProtocolError, Reason: "a second CONNECT"} // [MQTT-3.1.0-2]
}

var pingresp = packet.AppendPingresp(nil)

// send adds whole packets to what the client is sent; a client for whom too
// much waits is given up.
func (c *conn) send(p []byte) {
	if !c.out.add(p, true) {
		c.overflow()
	}
}

func (c *conn) overflow() {
	c.b.metrics.overflows.Inc()
	c.end(packet.CodeQuotaExceeded, "too much waits for this client")
}

// fail ends the connection for an error of its reader.
func (c *conn) fail(err error) {
	var bad *packet.Malformed
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		c.end(0, refused.reason) // the CONNACK has said so
	case errors.As(err, &bad):
		c.b.metrics.malformed.Inc()
		c.end(bad.Code, bad.Reason)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.end(packet.CodeKeepAliveTimeout, "keep-alive timeout")
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		c.end(0, "connection lost")
	default:
		c.end(0, "connection lost: "+cause(err))
	}
}

// cause says what happened to a connection, without its addresses: dispatchers
// read it as the reason of a presence.
func cause(err error) string {
	var failed *net.OpError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return err.Error()
}

// end closes the connection. The client is told code, when it is an MQTT 5 one
// and code is not zero. Any goroutine may call it; the first reason stands.
func (c *conn) end(code byte, reason string) {
	c.endMu.Lock()
	first := c.endReason == ""
	if first {
		c.endReason, c.endCode = reason, code
	}
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.endMu.Unlock()
	if first && code != 0 && c.version == packet.V5 {
		c.out.last(c.explain(reason, func(text string) []byte { return packet.AppendDisconnect(nil, c.version, code, text) }))
	}
	_ = c.Close()
}

// explain returns a packet with its reason string, or without when the client
// wants none or the packet would be too large for it [MQTT-3.14.2-3].
func (c *conn) explain(reason string, encode func(text string) []byte) []byte {
	if c.problemInfo {
		if p := encode(reason); c.maxPacket == 0 || len(p) <= c.maxPacket {
			return p
		}
	}
	return encode("")
}

// ended returns why the connection ended.
func (c *conn) ended() (code byte, reason string) {
	c.endMu.Lock()
	defer c.endMu.Unlock()
	return c.endCode, c.endReason
}

// Close ends the connection after what waits has been written. The engine
// calls it, and whoever else ends a connection.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.acks.close()
	close(c.rate.quit)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	c.out.end()
	return nil
}

// Read is never called: the guard reads, and shows the engine what it is to see.
func (c *conn) Read([]byte) (int, error) { return 0, io.EOF }

// Deadlines are the guard's own.
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

func (c *conn) LocalAddr() net.Addr  { return c.nc.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }
