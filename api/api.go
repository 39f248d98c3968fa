// Package api serves the REST API of docs/http.md, one file per
// resource, and the web bundle beside it.
//
// Every operation is registered with the rule that says who may call it; there
// is no way to register one without. Input is checked against the OpenAPI
// document that is generated from the same Go types, so a handler sees valid
// input only. Every error is an RFC 9457 problem.
package api

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

const (
	prefix   = "/api/v1"
	sendTime = 2 * time.Minute // to answer, until the last byte is read
)

// A Verifier turns a bearer token into who sent it.
type Verifier interface {
	Verify(ctx context.Context, token string) (*auth.Claims, error)
}

// A Minter signs tokens; it fills in the ID and IssuedAt of the claims.
type Minter interface {
	Mint(c *auth.Claims) (string, error)
}

// Revocations are the tokens that are refused.
type Revocations interface {
	Add(r fleet.Revocation) // in force at once
	Revoked(c *auth.Claims) bool
}

// Devices are those that have a secret of their own.
type Devices interface {
	// BySecret returns the claims of the device {fleet}/{device}; its error
	// wraps one of package auth, or is the store's.
	BySecret(ctx context.Context, username, secret, address string) (*auth.Claims, error)
	// Strangers returns the devices of a fleet that were refused because they
	// are not registered, in no order.
	Strangers(fleetID string) []auth.Stranger
	// Refused adds one to them.
	Refused(s auth.Stranger)
}

// A Broker is the MQTT broker of the same process.
type Broker interface {
	Status() fleet.BrokerStatus
	// Clients lists the live connections of one fleet, in the order of their ids.
	Clients(fleetID string) []fleet.Client
	// Disconnect ends a connection; fleet.ErrNotFound when there is none.
	Disconnect(fleetID, clientID string) error
}

// Options is what an API is made of. Store, Keeper, Verifier, Minter and
// Revocations are required.
type Options struct {
	Store       Store
	Keeper      Keeper // of Store
	Verifier    Verifier
	Minter      Minter
	Revocations Revocations         // those that Verifier asks
	Broker      Broker              // nil in a process without one
	Devices     Devices             // nil: devices have no secrets
	Closed      bool                // drivers are registered, and not created at first sight
	Log         Log                 // nil in a process without the stream
	Blobs       Blobs               // nil in a process without the stream
	Deliverer   Deliverer           // nil in a process that delivers nothing to webhooks
	Retrier     Retrier             // nil in a process that cannot store what devices send
	Vitals      func() fleet.Vitals // nil in a process without the stream

	// Erased is told of a driver whose data was erased from the store, so that the
	// other places that have some let go of it. nil: there are none.
	Erased func(fleetID, driver string)

	Web       fs.FS  // the built bundle, index.html at its root; nil or empty serves a plain page
	LiveProto []byte // live.proto, as it is
	Version   string
	MapSource string   // "builtin", or the URL of a style or PMTiles archive
	Origins   []string // origins whose pages may call the API; the same origin always may

	Logger  *slog.Logger // default slog.Default()
	Metrics prometheus.Registerer
}

// An API is an http.Handler for everything but /mqtt.
type API struct {
	Options
	handler  http.Handler
	mux      *http.ServeMux
	huma     huma.API
	metrics  *metrics
	accounts *throttle // failed logins by account
	sources  *throttle // failed logins by address
	password *auth.Passwords
	claims   atomic.Int64 // of Idempotency-Keys
	bodyTime time.Duration

	news      bell          // something happened: see Run
	polls     chan struct{} // one for each that waits for events
	uploads   *throttle     // by shipment
	uploading chan struct{} // one for each
}

// encoding/json takes "Role" for "role"; without this, the second of both in one
// body would slip past what was checked of the first.
func init() { huma.ValidateStrictCasing = true }

// New returns an API that is ready to serve.
func New(opts Options) (*API, error) {
	if opts.Store == nil || opts.Keeper == nil || opts.Verifier == nil || opts.Minter == nil || opts.Revocations == nil {
		return nil, errors.New("api: a store with its keeper, a verifier, a minter and revocations are required")
	}
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	opts.MapSource = cmp.Or(opts.MapSource, "builtin")
	a := &API{
		Options:  opts,
		mux:      http.NewServeMux(),
		metrics:  newMetrics(opts.Metrics),
		accounts: newThrottle(10, 20*time.Second),
		sources:  newThrottle(50, 2*time.Second),
		password: auth.NewPasswords(),
		bodyTime: 10 * time.Second,

		polls:     make(chan struct{}, maxPolls),
		uploads:   newThrottle(20, time.Minute),
		uploading: make(chan struct{}, maxUploads),
	}
	a.huma = humago.NewWithPrefix(a.mux, prefix, a.config())
	a.routes()
	if err := a.documents(); err != nil {
		return nil, err
	}
	a.mux.HandleFunc("/api/", a.unknown)
	a.mux.Handle("/", newSite(opts.Web, opts.MapSource, opts.Version))

	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.EnableZstd(false), gzhttp.ContentTypes(compressible))
	if err != nil {
		return nil, err
	}
	a.handler = secure(a.cors(compress(a.mux)))
	return a, nil
}

// compressible are the content types that shrink.
var compressible = []string{
	"application/json", "application/problem+json", "application/openapi+json", "application/geo+json",
	"application/gpx+xml", "application/manifest+json", "image/svg+xml",
	"text/csv", "text/html", "text/css", "text/javascript", "text/plain",
}

// ServeHTTP answers one request. Who does not read the answer is cut off.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(sendTime)); err != nil {
		a.Logger.Warn("api: no write deadline", "error", err)
	}
	a.handler.ServeHTTP(w, r)
}

// routes registers every operation.
func (a *API) routes() {
	a.sessionRoutes()
	a.tokenRoutes()
	a.driverRoutes()
	a.trackRoutes()
	a.tripRoutes()
	a.replayRoutes()
	a.userRoutes()
	a.deadLetterRoutes()
	a.auditRoutes()
	a.brokerRoutes()
	a.uplinkRoutes()
	a.gapRoutes()
	a.policyRoutes()
	a.retentionRoutes()
	a.systemRoutes()
	a.eraseRoutes()
	a.fleetRoutes()
	a.shipmentRoutes()
	a.statusRoutes()
	a.proofRoutes()
	a.assignmentRoutes()
	a.deviceRoutes()
	a.commandRoutes()
	a.alertRoutes()
	a.geofenceRoutes()
	a.eventRoutes()
	a.webhookRoutes()
	a.publicRoutes()
}

func (a *API) config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "dray",
				Version:     "1",
				Description: "Fleet telemetry: sessions, drivers, tracks and what an administrator needs.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
					"device": {Type: "http", Scheme: "basic", Description: "User name {fleet}/{device} and the device's secret."},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}, // "json": also +json
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{withoutValues},
	}
}
