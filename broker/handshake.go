package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// methodJWT is the authentication method by which a token is presented and
// renewed in MQTT 5.
const methodJWT = "JWT"

// connectSize bounds a CONNECT: who sends it is not known yet, and its will is kept
// for as long as the connection lasts.
const connectSize = 64 << 10

// refusal is why a CONNECT is not accepted.
type refusal struct {
	code   byte
	reason string
}

func (r *refusal) Error() string { return r.reason }

// connect reads the CONNECT, decides on it and joins the session. An error has
// been answered.
func (c *conn) connect(release func()) error {
	l := &c.b.opts.Limits
	_ = c.nc.SetReadDeadline(c.openedAt.Add(l.ConnectTimeout))
	frame, err := c.in.frame(min(l.PacketSize, connectSize), c.nc.Read)
	var p *packet.Connect
	if err == nil {
		p, err = packet.ParseConnect(frame)
	}
	release() // no longer among those that have said nothing yet
	if err != nil {
		var bad *packet.Malformed
		if p != nil && p.Version != 0 && errors.As(err, &bad) {
			c.version = p.Version
			c.out.add(packet.AppendConnack(nil, p.Version, bad.Code, bad.Reason), false)
			c.b.metrics.malformed.Inc()
			return &refusal{bad.Code, bad.Reason}
		}
		return err
	}
	c.version, c.clientID, c.authMethod = p.Version, p.ClientID, p.AuthMethod
	c.problemInfo = p.RequestProblemInfo
	c.maxPacket = int(p.MaximumPacketSize)

	ctx, cancel := context.WithTimeout(c.b.ctx, admissionWait)
	defer cancel()
	var busy *refusal
	if err := c.admitted(ctx); errors.As(err, &busy) {
		return c.refuseConnect(err)
	} else if err != nil {
		return err
	}
	claims, err := c.b.login(ctx, c, p)
	if err != nil {
		return c.refuseConnect(err)
	}
	c.claims.Store(claims)
	if err := c.checkWill(p, claims); err != nil {
		return c.refuseConnect(err)
	}
	c.agree(p)

	expiry := time.Duration(p.SessionExpiry) * time.Second
	if p.Version != packet.V5 && !p.CleanStart {
		expiry = l.SessionExpiry
	}
	c.shortened = expiry > l.SessionExpiry
	expiry = min(expiry, l.SessionExpiry)

	c.takeLock() // until the engine has answered
	clean, ended := c.b.sessions.attach(c, identityOf(claims), p.CleanStart, expiry)
	if ended != nil {
		c.b.publishWill(ended)
	}
	c.b.cluster.takeOver(c)
	c.in.rest()
	return c.join(p, clean, expiry > 0)
}

func (c *conn) refuseConnect(err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{packet.CodeServerUnavailable, "cannot be checked now"}
	}
	c.b.metrics.connects("refused").Inc()
	c.out.add(c.explain(r.reason, func(text string) []byte { return packet.AppendConnack(nil, c.version, r.code, text) }), false)
	return err
}

// login verifies what the client presented and its client id.
func (b *Broker) login(ctx context.Context, c *conn, p *packet.Connect) (*auth.Claims, error) {
	if b.opts.Conformance {
		if c.clientID == "" {
			c.clientID, c.assigned = rand.Text(), true
		}
		c.key = c.clientID
		return &auth.Claims{Fleet: "conformance", Subject: "conformance", Role: fleet.RoleService}, nil
	}
	login := Login{Username: p.Username, Password: string(p.Password), Peer: c.peer.certificate(), Address: c.remote}
	switch {
	case p.AuthMethod == methodJWT && len(p.AuthData) > 0:
		login = Login{Password: string(p.AuthData), Address: c.remote}
	case p.AuthMethod != "" && p.AuthMethod != methodJWT:
		return nil, &refusal{packet.CodeBadAuthMethod, "the authentication method is not known"}
	}
	claims, err := b.auth.Login(ctx, login)
	if err != nil {
		return nil, loginRefusal(err)
	}
	switch {
	case c.clientID == "" && p.CleanStart:
		c.clientID, c.assigned = claims.Subject+":"+rand.Text(), true
	case !claims.ClientIDAllowed(c.clientID):
		return nil, &refusal{packet.CodeClientIDInvalid, "the client id must be the token's subject, or begin with it and a colon"}
	}
	c.key = claims.Fleet + "/" + c.clientID
	if driver := claims.SpeaksFor(); driver != "" && b.opts.Registry != nil {
		err := b.opts.Registry.Admit(ctx, claims.Fleet, driver)
		switch {
		case errors.Is(err, fleet.ErrNotFound):
			return nil, &refusal{packet.CodeNotAuthorized, "the driver is not registered"}
		case err != nil:
			return nil, err
		}
	}
	return claims, nil
}

// loginRefusal says no more than the client needs to know.
func loginRefusal(err error) *refusal {
	switch {
	case errors.Is(err, auth.ErrExpired):
		return &refusal{packet.CodeBadCredentials, "the token has expired"}
	case errors.Is(err, auth.ErrNotYetValid):
		return &refusal{packet.CodeBadCredentials, "the token is not valid yet"}
	case errors.Is(err, auth.ErrRevoked):
		return &refusal{packet.CodeNotAuthorized, "the token was revoked"}
	case errors.Is(err, context.DeadlineExceeded):
		return &refusal{packet.CodeServerBusy, "the credentials cannot be checked now"}
	case errors.Is(err, auth.ErrMalformed), errors.Is(err, auth.ErrSignature), errors.Is(err, auth.ErrClaims):
		return &refusal{packet.CodeBadCredentials, "the credentials are not accepted"}
	}
	return &refusal{packet.CodeServerUnavailable, "the credentials cannot be checked now"} // keys or database are away
}

// checkWill holds the will to the rules of a publish.
func (c *conn) checkWill(p *packet.Connect, claims *auth.Claims) error {
	if p.Will == nil {
		return nil
	}
	if !fleet.ValidTopic(p.Will.Topic) {
		return &refusal{packet.CodeTopicInvalid, "the will topic is not a topic"}
	}
	if !c.b.route(p.Will.Topic, claims).allowed {
		return &refusal{packet.CodeNotAuthorized, "the will topic may not be published to"}
	}
	c.will = &will{Will: *p.Will, claims: claims, remote: c.remote, delay: time.Duration(p.Will.Delay) * time.Second}
	return nil
}

// agree settles the keep-alive.
func (c *conn) agree(p *packet.Connect) {
	longest := c.b.opts.Limits.KeepAlive
	c.keepAlive = time.Duration(p.KeepAlive) * time.Second
	if c.keepAlive == 0 || c.keepAlive > longest {
		c.keepAlive, c.imposed = longest, true
	}
	c.held.most = int(p.ReceiveMaximum)
}
