package broker

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
)

// expireAt ends the connection at t; a zero t is never.
func (c *conn) expireAt(t time.Time) {
	c.endMu.Lock()
	defer c.endMu.Unlock()
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
	if !t.IsZero() && c.endReason == "" {
		c.expiry = time.AfterFunc(time.Until(t), func() {
			c.end(packet.CodeNotAuthorized, "the token has expired")
		})
	}
}

// renew takes an AUTH that carries the next token of the same subject, so that
// a connection outlives its token (MQTT 5 section 4.12.1).
func (c *conn) renew(frame []byte) error {
	if err := packet.Check(frame, c.version); err != nil {
		return err
	}
	a, err := packet.ParseAuth(frame)
	if err != nil {
		return err
	}
	switch {
	case a.Code != packet.CodeReauthenticate:
		return &packet.Malformed{Code: packet.CodeProtocolError, Reason: "no authentication is going on"}
	case a.Method != methodJWT, c.authMethod != "" && a.Method != c.authMethod:
		return &packet.Malformed{Code: packet.CodeBadAuthMethod, Reason: "the authentication method is not known"}
	}
	if err := c.slow(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.b.ctx, 5*time.Second)
	defer cancel()
	before := c.claims.Load()
	now, err := c.b.auth.Login(ctx, Login{Password: string(a.Data), Address: c.remote})
	if err != nil {
		r := loginRefusal(err)
		code := packet.CodeNotAuthorized
		if r.code == packet.CodeServerUnavailable || r.code == packet.CodeServerBusy {
			code = packet.CodeServerBusy // DISCONNECT does not know the other
		}
		return &packet.Malformed{Code: code, Reason: r.reason}
	}
	if now.Fleet != before.Fleet || identityOf(now) != identityOf(before) {
		return &packet.Malformed{Code: packet.CodeNotAuthorized, Reason: "the token is another subject's"}
	}
	c.claims.Store(now)
	c.expireAt(now.ExpiresAt)
	c.endRevoked() // meanwhile
	c.send(packet.AppendAuth(nil, packet.CodeSuccess, methodJWT, nil))
	return nil
}

// EndRevoked ends the connections whose tokens have been revoked.
func (b *Broker) EndRevoked() {
	for _, c := range b.sessions.live() {
		c.endRevoked()
	}
}

// endRevoked is asked by the connection itself as well, once its claims can be
// seen here: they may have been revoked between the login and then.
func (c *conn) endRevoked() {
	if claims := c.claims.Load(); claims != nil && c.b.auth.Revoked(claims) {
		c.end(packet.CodeNotAuthorized, "the token was revoked")
	}
}

// disconnect takes a DISCONNECT of the client.
func (c *conn) disconnect(frame []byte) error {
	d, err := packet.ParseDisconnect(frame, c.version)
	if err != nil {
		return err
	}
	if d.HasSessionExpiry {
		expiry := time.Duration(d.SessionExpiry) * time.Second
		if !c.b.sessions.changeExpiry(c.session, min(expiry, c.b.opts.Limits.SessionExpiry)) {
			return &packet.Malformed{Code: packet.CodeProtocolError, Reason: "a session expiry that was zero at CONNECT"} // [MQTT-3.14.2-2]
		}
	}
	if d.Code == packet.CodeSuccess {
		c.will = nil // [MQTT-3.14.4-3]; any other reason has it sent (section 3.1.2.5)
	}
	c.acks.drain() // what it published before is still acknowledged
	c.end(0, "disconnected")
	return nil
}
