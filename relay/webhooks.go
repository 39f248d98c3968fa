package relay

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/breakage"
)

const (
	atOnce         = 16  // webhooks that are delivered to at the same time
	turn           = 100 // events that one webhook gets before the others have their turn
	deliverTimeout = 10 * time.Second
	firstRetry     = time.Second // doubles up to lastRetry
	lastRetry      = time.Hour
	giveUpAfter    = 24 * time.Hour // after the event, or after a replay was asked for
)

// hooks delivers events to webhooks, to each in the order of the feed.
type hooks struct {
	*Relay
	client *http.Client

	atStart int64 // for breakage: the last event when run began

	mu   sync.Mutex
	busy map[[2]string]bool // by fleet and id
}

func newHooks(r *Relay) *hooks {
	return &hooks{Relay: r, busy: map[[2]string]bool{}, client: &http.Client{
		Timeout:   deliverTimeout,
		Transport: transport(r.opts.AllowPrivate),
		// A redirect is an answer like any other that is not 2xx: a secret would be
		// of no use to who did not get it, and the event would be elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// run starts what is due until ctx is done, and waits for what it has started.
func (h *hooks) run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	defer h.client.CloseIdleConnections()
	if breakage.NoOutbox {
		var err error
		if h.atStart, err = h.store.LastEvent(ctx); err != nil {
			return err
		}
	}
	slots := make(chan struct{}, atOnce)
	for ctx.Err() == nil {
		due, err := h.store.DueWebhooks(ctx, time.Now(), 1000)
		if err != nil {
			return err
		}
		for _, w := range due {
			if !h.take(w) {
				continue
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				h.leave(w)
				return nil
			}
			running.Go(func() {
				defer func() { h.leave(w); <-slots; h.delivered.give() }()
				if err := h.serve(ctx, w); err != nil && ctx.Err() == nil {
					h.log.Error("webhook", "fleet", w.Fleet, "id", w.ID, "error", err)
					wait(ctx, nil, firstRetry)
				}
			})
		}
		wait(ctx, h.delivered, min(h.opts.Sweep, firstRetry))
	}
	return nil
}

func (h *hooks) take(w fleet.Webhook) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := [2]string{w.Fleet, w.ID}
	if h.busy[k] {
		return false
	}
	h.busy[k] = true
	return true
}

func (h *hooks) leave(w fleet.Webhook) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.busy, [2]string{w.Fleet, w.ID})
}

// serve delivers a turn of events to w and stops at the first that fails.
func (h *hooks) serve(ctx context.Context, w fleet.Webhook) error {
	newest, err := h.store.LastEvent(ctx) // before the events: what comes later is not passed
	if err != nil {
		return err
	}
	if breakage.NoOutbox {
		w.Cursor = max(w.Cursor, h.atStart)
	}
	events, err := h.store.Events(ctx, fleet.EventQuery{Fleet: w.Fleet, After: w.Cursor, Kinds: w.Kinds, Limit: turn})
	if err != nil {
		return err
	}
	for _, e := range events {
		from := w.Cursor
		letter, failed := h.attempt(ctx, &w, e)
		if ctx.Err() != nil {
			return nil
		}
		if err := h.store.SaveDelivery(ctx, w, from, letter); err != nil {
			return err
		}
		if failed {
			return nil
		}
	}
	if len(events) == 0 && newest > w.Cursor { // nothing of its kinds
		from := w.Cursor
		w.Cursor = newest
		return h.store.SaveDelivery(ctx, w, from, nil)
	}
	return nil
}

// attempt delivers e once and notes in w what came of it. What is given up comes
// back as a letter.
func (h *hooks) attempt(ctx context.Context, w *fleet.Webhook, e fleet.Event) (letter *fleet.DeadLetter, failed bool) {
	body, err := json.Marshal(e)
	if err == nil {
		err = h.post(ctx, w, body)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	since := e.At
	if w.ReplayedAt.After(since) {
		since = w.ReplayedAt
	}
	switch {
	case err == nil:
		h.m.deliveries.WithLabelValues("delivered").Inc()
		w.Cursor, w.Failures, w.RetryAt, w.LastError = e.Cursor, 0, time.Time{}, ""
		return nil, false
	case now.Sub(since) > giveUpAfter:
		h.m.deliveries.WithLabelValues("given_up").Inc()
		w.Cursor, w.Failures, w.RetryAt, w.LastError = e.Cursor, 0, time.Time{}, clip(err.Error())
		return &fleet.DeadLetter{ID: fmt.Sprintf("webhook-%s-%d", w.ID, e.Cursor), Fleet: w.Fleet, Topic: "webhooks/" + w.ID,
			Field: "url", Reason: w.LastError, ReceivedAt: e.At, Payload: body}, false
	}
	h.m.deliveries.WithLabelValues("failed").Inc()
	pause := lastRetry
	if w.Failures < 12 { // 2^12 s is over an hour
		pause = min(firstRetry<<w.Failures, lastRetry)
	}
	w.Failures++
	w.RetryAt, w.LastError = now.Add(pause/2+rand.N(pause)), clip(err.Error())
	return nil, true
}

// post sends one signed request; anything but 2xx is an error.
func (h *hooks) post(ctx context.Context, w *fleet.Webhook, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "dray")
	req.Header.Set("X-Dray-Timestamp", timestamp)
	req.Header.Set("X-Dray-Signature", Signature(w.Secret, timestamp, body))
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("answered %d", resp.StatusCode)
	}
	return nil
}

// Signature is what X-Dray-Signature holds for a delivery.
func Signature(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// clip returns the beginning of an error's text.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 500)], "") }
