package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	maxBody    = 1 << 20 // bytes
	maxUploads = 32      // bodies larger than that, at once
	uploadTime = time.Minute
)

// readBody reads the whole body within its limits before anything else looks
// at it, so that a slow or endless one costs a bounded time and memory.
func (a *API) readBody(op operation) step {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		patience := a.bodyTime
		if !hasBody(r.Method) {
			next(w, r)
			return
		}
		if op.bodySize > maxBody {
			select {
			case a.uploading <- struct{}{}:
				defer func() { <-a.uploading }()
				patience = uploadTime
			default:
				writeProblem(w, withRetry(huma.Error503ServiceUnavailable("too many uploads at once"), http.StatusServiceUnavailable, 5*time.Second))
				return
			}
		}
		control := http.NewResponseController(w)
		if err := control.SetReadDeadline(time.Now().Add(patience)); err != nil {
			writeProblem(w, a.problem(r.Context(), err))
			return
		}
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, op.bodySize))
		if err != nil {
			// The deadline stays, or net/http would wait for the rest of the body.
			w.Header().Set("Connection", "close")
			writeProblem(w, bodyProblem(err, op.bodySize))
			return
		}
		_ = control.SetReadDeadline(time.Time{}) // it worked above
		types := op.body
		if types == nil {
			types = []string{"application/json"}
		}
		if len(data) > 0 && !isOneOf(types, r.Header.Get("Content-Type")) {
			writeProblem(w, huma.Error415UnsupportedMediaType("the body must be "+strings.Join(types, " or ")))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(data))
		next(w, r)
	}
}

// isOneOf reports whether a content type is one of types; text is UTF-8.
func isOneOf(types []string, contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && slices.Contains(types, kind) && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

func bodyProblem(err error, most int64) error {
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return huma.Error413RequestEntityTooLarge(fmt.Sprintf("the body is larger than %d MiB", most>>20))
	case errors.As(err, &network) && network.Timeout():
		return huma.Error408RequestTimeout("the body took too long to arrive")
	}
	return huma.Error400BadRequest("the body broke off")
}
