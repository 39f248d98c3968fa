package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/dray-fleet/dray/fleet"
)

// requestTime is how long an operation may take unless its metadata says more.
const requestTime = 10 * time.Second

// A rule says who may call an operation. The zero rule lets nobody in.
type rule struct {
	roles        []fleet.Role
	public       bool // without a token
	acl          bool // also with a token whose acl replaces the role's rights: the handler asks it
	installation bool // not on a fleet: the token is an operator's, of all of them
	above        bool // also on what is of no fleet, which an operator calls *
	basic        bool // also with a device's own secret (RFC 7617)
}

var (
	public      = rule{public: true}
	admins      = rule{roles: []fleet.Role{fleet.RoleAdmin, fleet.RoleOperator}}
	adminsAbove = rule{roles: admins.roles, above: true}
	dispatchers = rule{roles: []fleet.Role{fleet.RoleDispatcher, fleet.RoleAdmin, fleet.RoleOperator}}
	people      = rule{roles: []fleet.Role{fleet.RoleDriver, fleet.RoleDispatcher, fleet.RoleAdmin, fleet.RoleOperator}}
	// readers are those who may subscribe to the driver's location on MQTT.
	readers = rule{acl: true, roles: []fleet.Role{fleet.RoleDriver, fleet.RoleDevice, fleet.RoleDispatcher,
		fleet.RoleAdmin, fleet.RoleService, fleet.RoleOperator}}
)

// names is the rule as the OpenAPI document tells it.
func (r rule) names() []string {
	if r.public {
		return []string{"public"}
	}
	var names []string
	for _, role := range r.roles {
		names = append(names, string(role))
	}
	return names
}

// An operation is what a resource says of a route beside its types.
type operation struct {
	method, path, id, summary string
	status                    int           // on success; default by huma: 200, or 204 without a body
	time                      time.Duration // default requestTime
	once                      bool          // takes an Idempotency-Key
	match                     bool          // takes If-Match
	body                      []string      // content types of a body that the handler reads itself (RawBody)
	bodySize                  int64         // most bytes it takes; default maxBody
	loose                     []*huma.Param // takes any query: see queryOf; these are documented
	responses                 map[string]*huma.Response
	errors                    []int // beside those that every operation may answer with
}

// register adds an operation and who may call it.
func register[I, O any](a *API, op operation, who rule, handle func(context.Context, *I) (*O, error)) {
	limit := op.time
	if limit == 0 {
		limit = requestTime
	}
	resource, _, _ := strings.Cut(strings.TrimPrefix(op.path, "/"), "/")
	h := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, DefaultStatus: op.status,
		Tags:            []string{resource},
		Responses:       op.responses,
		Extensions:      map[string]any{"x-roles": who.names()},
		MaxBodyBytes:    -1, // readBody has done it
		BodyReadTimeout: -1,
		Errors:          op.errors,
		Security:        []map[string][]string{},
	}
	if op.bodySize == 0 {
		op.bodySize = maxBody
	}
	if !who.public {
		h.Security = append(h.Security, map[string][]string{"bearer": {}})
		h.Errors = append(h.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
	}
	if who.basic {
		h.Security = append(h.Security, map[string][]string{"device": {}})
		h.Errors = append(h.Errors, http.StatusTooManyRequests)
	}
	h.Errors = append(h.Errors, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable)
	if hasBody(op.method) {
		h.Errors = append(h.Errors, http.StatusBadRequest, http.StatusRequestTimeout,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	steps := []step{a.observe(op.id), a.admit(who, limit), a.readBody(op)}
	if op.match {
		h.Errors = append(h.Errors, http.StatusConflict, http.StatusPreconditionFailed)
	}
	if op.once {
		h.Errors = append(h.Errors, http.StatusConflict)
		h.Parameters = append(h.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(maxKey)},
			Description: "Any text that is new for a new request: repeating it repeats the answer.",
		})
		steps = append(steps, a.once)
	}
	if op.loose != nil {
		h.Parameters = append(h.Parameters, op.loose...)
		steps = append(steps, takeQuery)
	}
	slices.Sort(h.Errors)
	h.Errors = slices.Compact(h.Errors)
	for _, s := range steps {
		h.Middlewares = append(h.Middlewares, s.middleware())
	}
	if op.body != nil {
		h.RequestBody = &huma.RequestBody{} // shared with what huma registers
	}
	huma.Register(a.huma, h, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	if op.body != nil {
		op.describeBody(h.RequestBody)
	}
}

// describeBody tells of a body that huma takes for bytes which must be there.
func (op *operation) describeBody(b *huma.RequestBody) {
	b.Required = op.loose == nil
	b.Content = map[string]*huma.MediaType{}
	for _, kind := range op.body {
		schema := &huma.Schema{Type: huma.TypeString, Format: "binary"}
		if kind == "application/json" {
			schema = &huma.Schema{Type: huma.TypeObject}
		}
		b.Content[kind] = &huma.MediaType{Schema: schema}
	}
}

func hasBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut
}

// A step stands before the handlers, as net/http middleware does.
type step func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc)

func (s step) middleware() func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		s(w, r, func(w http.ResponseWriter, r *http.Request) {
			next(humago.NewContext(ctx.Operation(), r, w))
		})
	}
}

type queryKey struct{}

// takeQuery keeps the query from being checked against the parameters that the
// document names.
func takeQuery(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	query := r.URL.Query()
	r = r.WithContext(context.WithValue(r.Context(), queryKey{}, query))
	plain := *r.URL
	plain.RawQuery = ""
	r.URL = &plain
	next(w, r)
}

// queryOf returns the query of an operation that takes any.
func queryOf(ctx context.Context) url.Values { return ctx.Value(queryKey{}).(url.Values) }

// observe counts and times requests, and turns a panic into a 500.
func (a *API) observe(id string) step {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		start, seen := time.Now(), &statusWriter{ResponseWriter: w}
		defer func() {
			if p := recover(); p == http.ErrAbortHandler {
				a.metrics.observe(id, 499, start) // the client is gone, or a stream broke half-way
				panic(p)
			} else if p != nil {
				a.Logger.Error("api: panic", "operation", id, "error", fmt.Sprint(p), "stack", string(debug.Stack()))
				if seen.status == 0 {
					writeProblem(seen, huma.Error500InternalServerError("something went wrong here; the log says what"))
				}
			}
			a.metrics.observe(id, seen.status, start)
		}()
		next(seen, r)
	}
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
