package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
)

// listen opens the TCP and TLS addresses.
func (b *Broker) listen() error {
	tcp, err := net.Listen("tcp", b.opts.Addr)
	if err != nil {
		return fmt.Errorf("broker: listen on %s: %w", b.opts.Addr, err)
	}
	b.tcp = tcp
	if b.opts.TLSAddr == "" {
		return nil
	}
	if b.tls, err = net.Listen("tcp", b.opts.TLSAddr); err != nil {
		_ = tcp.Close()
		return fmt.Errorf("broker: listen on %s: %w", b.opts.TLSAddr, err)
	}
	return nil
}

// accept takes connections until the listener is closed.
func (b *Broker) accept(ln net.Listener, transport string) error {
	for {
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil { // out of file descriptors, most likely: others may end
			b.log.Error("accept", "transport", transport, "error", err)
			select {
			case <-b.ctx.Done():
				return nil
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		if transport == "tls" {
			nc = tls.Server(nc, b.opts.TLS)
		}
		b.admit(nc, transport, time.Now())
	}
}

// admit starts to serve a connection that was accepted at that time, unless
// there are too many.
func (b *Broker) admit(nc net.Conn, transport string, at time.Time) {
	addr := address(nc.RemoteAddr().String())
	if refused := b.door.enter(addr); refused != "" {
		b.metrics.connects("too many " + refused).Inc()
		_ = nc.Close()
		return
	}
	if !b.begin() {
		b.door.greeted(addr)
		b.door.leave()
		_ = nc.Close()
		return
	}
	go func() {
		defer b.serving.Done()
		defer b.door.leave()
		b.serve(nc, transport, addr, at)
	}()
}

// begin counts one more connection to wait for, unless the broker is stopping.
func (b *Broker) begin() bool {
	b.stopMu.Lock()
	defer b.stopMu.Unlock()
	if b.stopping {
		return false
	}
	b.serving.Add(1)
	return true
}

func (b *Broker) isStopping() bool {
	b.stopMu.Lock()
	defer b.stopMu.Unlock()
	return b.stopping
}

// serve is the life of a connection.
func (b *Broker) serve(nc net.Conn, transport, addr string, at time.Time) {
	c := b.newConn(nc, transport, at)
	greeted := sync.OnceFunc(func() { b.door.greeted(addr) })
	defer greeted()
	defer c.out.wait()
	b.attend(c, greeted)
	if c.session == nil {
		_, reason := c.ended()
		b.log.Info("connection refused", "remote", c.remote, "transport", c.transport, "client", c.clientID, "reason", reason)
		return
	}
	b.farewell(c)
}

// attend is what a connection does between its first byte and its last. A panic
// ends this connection alone.
func (b *Broker) attend(c *conn, greeted func()) {
	defer func() {
		if r := recover(); r != nil {
			b.metrics.panics.Inc()
			b.log.Error("panic", "client", c.clientID, "panic", r, "stack", string(debug.Stack()))
			c.end(packet.CodeUnspecified, "internal error")
		}
	}()
	if err := b.open(c, greeted); err != nil {
		c.fail(err)
		return
	}
	b.established(c)
	c.serve()
}

// open does the TLS handshake and the CONNECT, in their common time.
func (b *Broker) open(c *conn, greeted func()) error {
	if t, ok := c.nc.(*tls.Conn); ok {
		ctx, cancel := context.WithDeadline(b.ctx, c.openedAt.Add(b.opts.Limits.ConnectTimeout))
		defer cancel()
		if err := t.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("tls: %w", err)
		}
		if certs := t.ConnectionState().PeerCertificates; len(certs) > 0 {
			c.peer.cert = certs[0]
		}
	}
	return c.connect(greeted)
}

// peerCert is the verified certificate of a client.
type peerCert struct{ cert *x509.Certificate }

func (p peerCert) certificate() *x509.Certificate { return p.cert }

// established follows the engine's CONNACK.
func (b *Broker) established(c *conn) {
	c.giveLock()
	if b.isStopping() { // stop has asked only those that were there
		c.end(packet.CodeShuttingDown, "the server is shutting down")
	}
	c.endRevoked()
	claims := c.claims.Load()
	c.expireAt(claims.ExpiresAt)
	b.metrics.connects("accepted").Inc()
	b.metrics.connections.Set(float64(b.connected.Add(1)))
	c.counted = true
	c.greeted.Store(true)
	if ws, ok := c.nc.(*wsConn); ok {
		ws.greeted(b.opts.Limits.PacketSize)
	}
	if c.client.Load().State.Subscriptions.Len() > 0 {
		b.topology.Add(1) // resumed ones: nobody has subscribed
		b.tellSubscribed(claims)
		b.cluster.watch(c)
	}
	if driver := claims.SpeaksFor(); driver != "" {
		b.presence.arrived(driverKey{claims.Fleet, driver}, presenceSource(c))
	}
	b.log.Debug("connected", "fleet", claims.Fleet, "subject", claims.Subject, "role", claims.Role,
		"client", c.clientID, "remote", c.remote, "transport", c.transport, "mqtt", c.version)
}

// farewell cleans up after a connection that had a session.
func (b *Broker) farewell(c *conn) {
	c.end(0, "connection lost")
	c.takeLock()
	live, ended := b.sessions.detach(c, time.Now())
	c.leave(ended)
	c.giveLock()
	c.in.release()
	b.cluster.unwatch(c)
	claims := c.claims.Load()
	code, reason := c.ended()
	if c.counted {
		b.metrics.connections.Set(float64(b.connected.Add(-1)))
		if driver := claims.SpeaksFor(); driver != "" {
			b.presence.left(driverKey{claims.Fleet, driver}, presenceSource(c), reason)
		}
	}
	if code != packet.CodeShuttingDown { // a server that stops says nothing of its clients
		b.leaveWill(c, ended)
	}
	level := slog.LevelInfo // the server ended it: somebody may wonder why
	if code == 0 || code == packet.CodeShuttingDown || code == packet.CodeKeepAliveTimeout {
		level = slog.LevelDebug
	}
	b.log.Log(b.ctx, level, "disconnected", "fleet", claims.Fleet, "subject", claims.Subject, "client", c.clientID,
		"remote", c.remote, "reason", reason, "code", code, "taken_over", !live, "received", c.received.Load())
}
