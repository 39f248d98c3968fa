package api

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/fleet"
)

const (
	replyTime  = 24 * time.Hour              // how long a reply is remembered
	runTime    = requestTime + 5*time.Second // a request that has no reply by then has died with its process
	maxReplies = 100_000
	pruneEvery = 256 // requests
	maxKey     = 255 // bytes
)

// A onceKey is an Idempotency-Key of one caller for one path.
type onceKey struct {
	id   []byte      // by which the store finds it
	seal cipher.AEAD // keeps the reply, which may be a secret, from who reads the store
	new  string      // the id of what the request creates, so that it is created once
	// again: the process that had the request before has died, perhaps after
	// its effect.
	again bool
}

func newOnceKey(c *caller, method, path, key string) (*onceKey, error) {
	name := strings.Join([]string{c.fleet, c.Subject, method, path, key}, "\n")
	hash := func(use string) []byte { sum := sha256.Sum256([]byte(use + "\n" + name)); return sum[:] }
	block, err := aes.NewCipher(hash("seal"))
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	id := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash("new")[:16])
	return &onceKey{id: hash("id"), seal: seal, new: id}, err
}

type onceKeyKey struct{}

// newID returns the id of what a request creates: with an Idempotency-Key it is
// always the same.
func newID(ctx context.Context) string {
	if k, ok := ctx.Value(onceKeyKey{}).(*onceKey); ok {
		return k.new
	}
	return rand.Text()
}

// created returns what a request has created. If the process that had the
// request before has died, that may have been then; read finds it.
func created[T any](ctx context.Context, made T, err error, read func() (T, error)) (T, error) {
	if k, ok := ctx.Value(onceKeyKey{}).(*onceKey); ok && k.again && errors.Is(err, fleet.ErrConflict) {
		return read()
	}
	return made, err
}

// once answers a repeated Idempotency-Key with the reply to the first request
// (draft-ietf-httpapi-idempotency-key-header), whichever process had it. The
// reply is kept before it is sent, so who has it can ask for it again.
func (a *API) once(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	header, ctx := r.Header.Get("Idempotency-Key"), r.Context()
	switch {
	case header == "":
		next(w, r)
		return
	case len(header) > maxKey:
		writeProblem(w, huma.Error422UnprocessableEntity("Idempotency-Key is longer than 255 bytes",
			&huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "is longer than 255 bytes"}))
		return
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		writeProblem(w, a.problem(ctx, err))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	key, err := newOnceKey(callerOf(ctx), r.Method, r.URL.Path, header)
	if err != nil {
		writeProblem(w, a.problem(ctx, err))
		return
	}
	request, now := sha256.Sum256(data), time.Now().UTC().Truncate(time.Microsecond)
	claim := fleet.Reply{ID: key.id, Request: request[:], At: now}
	old, fresh, again, err := a.Store.ClaimReply(ctx, claim, now.Add(-replyTime), now.Add(-runTime))
	switch {
	case errors.Is(err, fleet.ErrConflict), err == nil && !fresh && old.Status == 0 && bytes.Equal(old.Request, claim.Request):
		writeProblem(w, withRetry(huma.Error409Conflict("the first request with this Idempotency-Key is still running"), http.StatusServiceUnavailable, time.Second))
	case err != nil:
		writeProblem(w, a.problem(ctx, err))
	case !fresh && !bytes.Equal(old.Request, claim.Request):
		writeProblem(w, huma.Error422UnprocessableEntity("the Idempotency-Key was used with another body",
			&huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "was used with another body"}))
	case !fresh:
		a.replay(w, ctx, key, &old)
	default:
		key.again = again
		a.firstTime(w, r.WithContext(context.WithValue(ctx, onceKeyKey{}, key)), key, claim, next)
	}
}

// replay sends the reply that is kept.
func (a *API) replay(w http.ResponseWriter, ctx context.Context, key *onceKey, kept *fleet.Reply) {
	body, err := key.seal.Open(nil, nil, kept.Body, nil)
	if err != nil {
		writeProblem(w, a.problem(ctx, err))
		return
	}
	w.Header().Set("Content-Type", kept.ContentType)
	if kept.ETag != "" {
		w.Header().Set("ETag", kept.ETag)
	}
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(kept.Status)
	_, _ = w.Write(body) // the client may be gone; there is nobody to tell
}

// firstTime does the request and keeps a success; after anything else the client
// may try again.
func (a *API) firstTime(w http.ResponseWriter, r *http.Request, key *onceKey, claim fleet.Reply, next http.HandlerFunc) {
	held := &heldWriter{ResponseWriter: w}
	defer func() { // also after a panic, and when the client is gone
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
		defer cancel()
		var err error
		if held.status >= 200 && held.status <= 299 {
			claim.Status, claim.ContentType, claim.ETag = held.status, w.Header().Get("Content-Type"), w.Header().Get("ETag")
			claim.Body = key.seal.Seal(nil, nil, held.body.Bytes(), nil)
			err = a.Store.SaveReply(ctx, claim)
		} else {
			err = a.Store.DropReply(ctx, claim)
		}
		if err == nil && a.claims.Add(1)%pruneEvery == 1 {
			err = a.Store.PruneReplies(ctx, claim.At.Add(-replyTime), maxReplies)
		}
		if err != nil { // a repeat waits for runTime and is then done again
			a.Logger.Warn("api: a reply is not kept", "error", err)
		}
		held.release()
	}()
	next(held, r)
}

// heldWriter keeps what is written until it is released.
type heldWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *heldWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *heldWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *heldWriter) release() {
	if w.status == 0 {
		return // it has panicked
	}
	w.ResponseWriter.WriteHeader(w.status)
	_, _ = w.ResponseWriter.Write(w.body.Bytes()) // the client may be gone; there is nobody to tell
}

// Unwrap lets http.ResponseController reach the connection.
func (w *heldWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
