package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// An Appender keeps a publication durably. It tells to when it is safe, or that
// it cannot be; it does not keep p.Payload after it returns. It blocks while
// its queue is full, and returns an error only when to will never be told.
type Appender interface {
	Append(p fleet.Publication, to fleet.Acker, token uint64) error
}

// A Login is what a client presents: at CONNECT, or with only a Password at
// renewal.
type Login struct {
	Username string
	Password string
	Peer     *x509.Certificate // verified client certificate, or nil
	Address  string            // host:port of the peer
}

// An Authenticator turns what a client presents into claims. An error that is
// none of auth's refusals means that it cannot tell now.
type Authenticator interface {
	Login(ctx context.Context, l Login) (*auth.Claims, error)
	Revoked(c *auth.Claims) bool
}

// Registry knows which drivers there are.
type Registry interface {
	// Admit lets a driver that a valid token names come into being, or returns
	// fleet.ErrNotFound when it is unknown and may not.
	Admit(ctx context.Context, fleetID, driver string) error
}

// PresenceStore keeps presence beyond this process.
type PresenceStore interface {
	SavePresences(ctx context.Context, changes []fleet.PresenceChange) error
	OnlineDrivers(ctx context.Context) ([]fleet.Source, error)
}

// A Bus carries messages between the broker nodes: each at most once, those of
// one sender in order. A node does not hear its own.
type Bus interface {
	// Send must not block for long, nor keep data.
	Send(subject string, data []byte) error
	// Listen calls fn with one message after the other, of the subject or, with
	// ">" as its last level, of all that begin so. fn does not run any more when
	// stop returns.
	Listen(subject string, fn func(node string, data []byte)) (stop func(), err error)
}

// Options tunes a Broker. The zero value is ready for use.
type Options struct {
	Addr        string      // MQTT over TCP; default ":1883"
	TLSAddr     string      // MQTT over TLS; empty is off
	TLS         *tls.Config // of TLSAddr
	Origins     []string    // WebSocket origins allowed besides the same one
	Node        string      // name of this node, another one at each start; default "local"
	Conformance bool        // plain MQTT for interoperability suites, loopback only
	Limits      Limits
	Registry    Registry                     // nil: any driver that a token names is admitted
	Presence    PresenceStore                // nil: presence is only told, not kept
	Places      Places                       // nil: live frames hold those who have moved since the start
	Bus         Bus                          // to the other nodes; nil: there are none
	Subscribed  func(fleetID, driver string) // a driver can hear its assignments now; must not block; may be nil
	LiveEvery   time.Duration                // between live frames; default 250ms
	KeyEvery    time.Duration                // between keyframes to all; default 5s
	Debounce    time.Duration                // how long a driver may be gone before it is offline; default 5s
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// Limits bound what a client can take. Zero values are the defaults of
// configs/dray.yaml.
type Limits struct {
	Connections       int
	Unauthenticated   int           // connections without a valid CONNECT, in all
	PerAddress        int           // the same, from one address
	ConnectRate       int           // CONNECTs admitted per second; more wait
	ConnectTimeout    time.Duration // accept to CONNECT
	PacketSize        int           // bytes of one packet
	ReceiveMaximum    int           // publishes of one connection that wait for the stream
	Subscriptions     int           // of one session
	KeepAlive         time.Duration // longest
	SessionExpiry     time.Duration // longest
	MessageRate       float64       // publishes per second of one connection; < 0 is no limit
	MessageBurst      int
	SlowClose         time.Duration // over the rate for so long: closed
	QueueBytes        int           // outbound bytes that wait for one connection
	QueueBytesTotal   int           // outbound bytes that wait, in all
	InflightMessages  int           // QoS 1 and 2 deliveries that one session may leave unacknowledged
	SessionBytes      int           // that these may take
	SessionBytesTotal int           // the same, of all sessions
}

func (o *Options) setDefaults() {
	o.Addr = cmp.Or(o.Addr, ":1883")
	o.Node = cmp.Or(o.Node, "local")
	o.LiveEvery = cmp.Or(o.LiveEvery, 250*time.Millisecond)
	o.KeyEvery = cmp.Or(o.KeyEvery, 5*time.Second)
	o.Debounce = cmp.Or(o.Debounce, 5*time.Second)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	l := &o.Limits
	if o.Conformance { // the suites ask for a keep-alive of a minute, and publish as fast as they can
		l.KeepAlive, l.MessageRate = time.Minute, -1
	}
	l.Connections = cmp.Or(l.Connections, 50_000)
	l.Unauthenticated = cmp.Or(l.Unauthenticated, 4096)
	l.PerAddress = cmp.Or(l.PerAddress, 1024)
	l.ConnectRate = cmp.Or(l.ConnectRate, 5000)
	l.ConnectTimeout = cmp.Or(l.ConnectTimeout, 5*time.Second)
	l.PacketSize = cmp.Or(l.PacketSize, 256<<10)
	l.ReceiveMaximum = cmp.Or(l.ReceiveMaximum, 1024)
	l.Subscriptions = cmp.Or(l.Subscriptions, 64)
	l.KeepAlive = cmp.Or(l.KeepAlive, 10*time.Minute)
	l.SessionExpiry = cmp.Or(l.SessionExpiry, 24*time.Hour)
	l.MessageRate = cmp.Or(l.MessageRate, 20)
	l.MessageBurst = cmp.Or(l.MessageBurst, 200)
	l.SlowClose = cmp.Or(l.SlowClose, 10*time.Second)
	l.QueueBytes = cmp.Or(l.QueueBytes, 1<<20)
	l.QueueBytesTotal = cmp.Or(l.QueueBytesTotal, 256<<20)
	l.InflightMessages = cmp.Or(l.InflightMessages, 1024)
	l.SessionBytes = cmp.Or(l.SessionBytes, 4<<20)
	l.SessionBytesTotal = cmp.Or(l.SessionBytesTotal, 256<<20)
}

// address returns what one party has, for limits per address: an IP, or an IPv6 /64.
func address(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	ip := ap.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}
