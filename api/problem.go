package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// problems is the one table from errors to status codes. What is not in it is
// 503 while the store does not answer, and else a 500 whose cause goes to the log only.
var problems = []struct {
	err    error
	status int
	detail string
}{
	{fleet.ErrNotFound, http.StatusNotFound, "there is no such thing here"},
	{fleet.ErrConflict, http.StatusConflict, "it exists already or was changed meanwhile"},
	{fleet.ErrNotAssigned, http.StatusForbidden, "it is not assigned to this driver"},
	{fleet.ErrFull, http.StatusServiceUnavailable, "the storage for this is full"},
	{errPrecondition, http.StatusPreconditionFailed, "it was changed meanwhile: If-Match or version is not the current one"},
	{errStreamAway, http.StatusServiceUnavailable, "the stream is away: send it again"},
	{errBadLogin, http.StatusUnauthorized, "fleet, user or password is wrong"},
	{errSession, http.StatusUnauthorized, "the session has ended: log in again"},
	{errNoBlobs, http.StatusServiceUnavailable, "this process keeps no files"},
	{errNoDeliverer, http.StatusServiceUnavailable, "this process delivers nothing to webhooks"},
	{errNoIngest, http.StatusServiceUnavailable, "this process cannot store what devices send"},
	{errNoStream, http.StatusServiceUnavailable, "this process has no stream"},
	{errNoBroker, http.StatusServiceUnavailable, "this process runs no broker"},
	{auth.ErrExpired, http.StatusUnauthorized, "the token has expired"},
	{auth.ErrRevoked, http.StatusUnauthorized, "the token is revoked"},
	{auth.ErrNotYetValid, http.StatusUnauthorized, "the token is not yet valid"},
	{auth.ErrMalformed, http.StatusUnauthorized, "this is not a token"},
	{auth.ErrSignature, http.StatusUnauthorized, "the token's signature is not accepted"},
	{auth.ErrClaims, http.StatusUnauthorized, "the token's claims are not accepted"},
	{auth.ErrKeysUnavailable, http.StatusServiceUnavailable, "the keys to verify tokens with are not available"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "it took too long"},
	{context.Canceled, http.StatusServiceUnavailable, "the request was given up"},
}

// problem turns the error of a handler into the response.
func (a *API) problem(ctx context.Context, err error) error {
	var invalid *fleet.InvalidError
	var illegal *fleet.MoveError
	var ready huma.StatusError
	switch {
	case errors.As(err, &ready):
		return err
	case errors.As(err, &invalid):
		return huma.Error422UnprocessableEntity(invalid.Error(),
			&huma.ErrorDetail{Location: invalid.Field, Message: invalid.Reason})
	case errors.As(err, &illegal):
		return huma.Error409Conflict(illegal.Error(),
			&huma.ErrorDetail{Location: currentStatus, Message: "is not one from which this is a legal move", Value: illegal.From})
	}
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return withRetry(huma.NewError(p.status, p.detail), p.status, time.Second)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if errors.Is(err, fleet.ErrAway) || a.Store.Ping(ctx) != nil {
		a.Logger.Warn("api: the store is away", "error", err)
		return withRetry(huma.Error503ServiceUnavailable("the store is away"), http.StatusServiceUnavailable, 2*time.Second)
	}
	a.Logger.Error("api: request failed", "error", err)
	return huma.Error500InternalServerError("something went wrong here; the log says what")
}

// withRetry says when to try again after what will pass, and how to identify
// oneself after a 401 (RFC 9110 sections 10.2.3 and 11.6.1).
func withRetry(err error, status int, wait time.Duration) error {
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		seconds := max(1, int64((wait+time.Second-1)/time.Second))
		return huma.ErrorWithHeaders(err, http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}})
	case http.StatusUnauthorized:
		return huma.ErrorWithHeaders(err, http.Header{"Www-Authenticate": {"Bearer"}})
	}
	return err
}

// writeProblem answers with err, which came from problem or a huma error function.
func writeProblem(w http.ResponseWriter, err error) {
	var headers huma.HeadersError
	if errors.As(err, &headers) {
		for name, values := range headers.GetHeaders() {
			w.Header()[name] = values
		}
	}
	var model *huma.ErrorModel
	if !errors.As(err, &model) {
		model = &huma.ErrorModel{Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(model.Status)
	_ = json.NewEncoder(w).Encode(model) // the client may be gone; there is nobody to tell
}

// currentStatus is the location of what the server knows, not of what the
// client sent: its value may be told.
const currentStatus = "current.status"

// badTime is how huma begins to say, in Go's terms, that a time is none.
const badTime = "invalid date/time"

// withoutValues leaves what the client sent out of problems: it may be a password.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	if model, ok := v.(*huma.ErrorModel); ok {
		for _, detail := range model.Errors {
			if detail.Location != currentStatus {
				detail.Value = nil
			}
			if strings.HasPrefix(detail.Message, badTime) {
				detail.Message = "must be a time such as 2026-05-01T06:00:00.000Z (RFC 3339; a + is written %2B)"
			}
		}
	}
	return v, nil
}

// unknown answers what no operation does: 405 if another method would be
// answered, else 404.
func (a *API) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{"GET", "POST", "PATCH", "PUT", "DELETE"} {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := a.mux.Handler(probe); pattern != "/api/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		writeProblem(w, huma.Error404NotFound("there is no such thing here"))
		return
	}
	w.Header()["Allow"] = allowed
	writeProblem(w, huma.Error405MethodNotAllowed("the method is not one of this resource"))
}
