package api

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	replyTime  = 24 * time.Hour // how long a reply is remembered
	maxReplies = 10_000
	maxKey     = 255 // bytes
)

// once answers a repeated Idempotency-Key with the reply to the first request
// (draft-ietf-httpapi-idempotency-key-header). The memory is this process's;
// across processes, creating the same thing again is a 409.
func (a *API) once(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	key := r.Header.Get("Idempotency-Key")
	switch {
	case key == "":
		next(w, r)
		return
	case len(key) > maxKey:
		writeProblem(w, huma.Error422UnprocessableEntity("Idempotency-Key is longer than 255 bytes",
			&huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "is longer than 255 bytes"}))
		return
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		writeProblem(w, a.problem(r.Context(), err))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(data))

	c := callerOf(r.Context())
	id := replyID{c.fleet, c.Subject, r.URL.Path, key}
	saved, fresh := a.replies.begin(id, sha256.Sum256(data), time.Now())
	switch {
	case saved == nil:
		writeProblem(w, huma.Error409Conflict("the first request with this Idempotency-Key is still running"))
	case !fresh && saved.request != sha256.Sum256(data):
		writeProblem(w, huma.Error422UnprocessableEntity("the Idempotency-Key was used with another body",
			&huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "was used with another body"}))
	case !fresh:
		w.Header().Set("Content-Type", saved.contentType)
		if saved.etag != "" {
			w.Header().Set("ETag", saved.etag)
		}
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(saved.status)
		_, _ = w.Write(saved.body)
	default:
		rec := &recorder{statusWriter: statusWriter{ResponseWriter: w}}
		defer func() { a.replies.end(id, saved, rec) }() // also after a panic
		next(rec, r)
	}
}

type replyID struct{ fleet, subject, path, key string }

type savedReply struct {
	request     [sha256.Size]byte
	at          time.Time
	done        bool
	status      int
	contentType string
	etag        string
	body        []byte
	age         *list.Element
}

// replies are the newest maxReplies replies, and the requests that run.
type replies struct {
	mu   sync.Mutex
	byID map[replyID]*savedReply
	ages *list.List // of replyID, oldest first
}

func newReplies() *replies { return &replies{byID: map[replyID]*savedReply{}, ages: list.New()} }

// begin returns the reply of an earlier request; a fresh one that end must be
// called with; or nil while the earlier request runs.
func (s *replies) begin(id replyID, request [sha256.Size]byte, now time.Time) (reply *savedReply, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, found := s.byID[id]; found {
		if !old.done {
			return nil, false
		}
		if now.Sub(old.at) < replyTime {
			return old, false
		}
		s.forget(id)
	}
	for len(s.byID) >= maxReplies {
		s.forget(s.ages.Front().Value.(replyID))
	}
	reply = &savedReply{request: request, at: now, age: s.ages.PushBack(id)}
	s.byID[id] = reply
	return reply, true
}

// end keeps a success; after anything else the client may try again.
func (s *replies) end(id replyID, reply *savedReply, rec *recorder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[id] != reply {
		return // pushed out meanwhile
	}
	if rec.status < 200 || rec.status > 299 {
		s.forget(id)
		return
	}
	reply.done, reply.status = true, rec.status
	reply.contentType, reply.etag, reply.body = rec.Header().Get("Content-Type"), rec.Header().Get("ETag"), rec.body.Bytes()
}

func (s *replies) forget(id replyID) {
	s.ages.Remove(s.byID[id].age)
	delete(s.byID, id)
}

// recorder keeps a copy of what is written.
type recorder struct {
	statusWriter
	body bytes.Buffer
}

func (w *recorder) Write(b []byte) (int, error) {
	w.body.Write(b)
	return w.statusWriter.Write(b)
}
