package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const maxBody = 1 << 20 // bytes

// readBody reads the whole body within its limits before anything else looks
// at it, so that a slow or endless one costs a bounded time and memory.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	if !hasBody(r.Method) {
		next(w, r)
		return
	}
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(a.bodyTime)); err != nil {
		writeProblem(w, a.problem(r.Context(), err))
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		// The deadline stays, or net/http would wait for the rest of the body.
		w.Header().Set("Connection", "close")
		writeProblem(w, bodyProblem(err))
		return
	}
	_ = control.SetReadDeadline(time.Time{}) // it worked above
	if len(data) > 0 && !isJSON(r.Header.Get("Content-Type")) {
		writeProblem(w, huma.Error415UnsupportedMediaType("the body must be application/json"))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	next(w, r)
}

func isJSON(contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && kind == "application/json" && (charset == "" || charset == "utf-8" || charset == "UTF-8")
}

func bodyProblem(err error) error {
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return huma.Error413RequestEntityTooLarge("the body is larger than 1 MiB")
	case errors.As(err, &network) && network.Timeout():
		return huma.Error408RequestTimeout("the body took too long to arrive")
	}
	return huma.Error400BadRequest("the body broke off")
}
