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
	_ = control.SetReadDeadline(time.Time{}) // it worked above
	if err == nil && len(data) > 0 {
		err = jsonOnly(r.Header.Get("Content-Type"))
	}
	if err != nil {
		writeProblem(w, bodyProblem(err))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	next(w, r)
}

var errNotJSON = huma.Error415UnsupportedMediaType("the body must be application/json")

func jsonOnly(contentType string) error {
	kind, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	if err != nil || kind != "application/json" || charset != "" && charset != "utf-8" && charset != "UTF-8" {
		return errNotJSON
	}
	return nil
}

func bodyProblem(err error) error {
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.Is(err, errNotJSON):
		return err
	case errors.As(err, &tooLarge):
		return huma.Error413RequestEntityTooLarge("the body is larger than 1 MiB")
	case errors.As(err, &network) && network.Timeout():
		return huma.Error408RequestTimeout("the body took too long to arrive")
	}
	return huma.Error400BadRequest("the body broke off")
}
