package relay_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/relay"
	"github.com/dray-fleet/dray/store/storetest"
)

// A receiver is somebody else's system that gets webhooks.
type receiver struct {
	*httptest.Server
	got chan fleet.Event // those that were signed well

	mu     sync.Mutex
	answer func(n int) int // status of the n-th request; nil is 200
	n      int
}

func newReceiver(t *testing.T, secret string, answer func(n int) int) *receiver {
	r := &receiver{got: make(chan fleet.Event, 1000), answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		if got, want := req.Header.Get("X-Dray-Signature"), relay.Signature(secret, req.Header.Get("X-Dray-Timestamp"), body); got != want {
			t.Errorf("signature %q, want %q", got, want)
		}
		r.mu.Lock()
		r.n++
		status := http.StatusOK
		if r.answer != nil {
			status = r.answer(r.n)
		}
		r.mu.Unlock()
		if status != http.StatusOK {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			return
		}
		var e struct {
			Cursor   int64
			Kind, ID string
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		r.got <- fleet.Event{Cursor: e.Cursor, Kind: e.Kind, ID: e.ID}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) next(t *testing.T) fleet.Event {
	t.Helper()
	select {
	case e := <-r.got:
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("no delivery")
		return fleet.Event{}
	}
}

func TestSignature(t *testing.T) {
	// echo -n '1700000000.{"a":1}' | openssl dgst -sha256 -hmac s3cret
	got := relay.Signature("s3cret", "1700000000", []byte(`{"a":1}`))
	if want := "sha256=1698a50bc74d1ff1db85c4e0a5297c2ad9fdba245d5737cdb789e4cc6e098940"; got != want {
		t.Errorf("Signature = %s, want %s", got, want)
	}
}

func TestWebhookGetsEveryEventInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s storetest.Store) {
		// Every third request fails, in one way or another.
		rec := newReceiver(t, "s3cret", func(n int) int {
			return []int{http.StatusOK, http.StatusOK, []int{500, 302, 404}[n%3]}[n%3]
		})
		hook := must(s.CreateWebhook(t.Context(), fleet.Webhook{Fleet: "acme", URL: rec.URL, Kinds: []string{"shipment"}, Secret: "s3cret"}))(t)
		_, stop := start(t, s, nil, relay.Options{AllowPrivate: true, Sweep: 50 * time.Millisecond})
		shipment(t, s, "s1")
		for _, status := range []fleet.Status{fleet.StatusCancelled} {
			must(s.ReportStatus(t.Context(), "acme", "s1", office, fleet.StatusReport{Status: status}, "http"))(t)
		}
		shipment(t, s, "s2")
		var kinds []string
		var last int64
		for range 3 {
			e := rec.next(t)
			kinds = append(kinds, e.Kind+" "+e.ID)
			if e.Cursor <= last {
				t.Errorf("cursor %d after %d", e.Cursor, last)
			}
			last = e.Cursor
		}
		if got := strings.Join(kinds, ", "); got != "shipment.created s1, shipment.cancelled s1, shipment.created s2" {
			t.Errorf("delivered %s", got)
		}
		stop()
		must(struct{}{}, s.ReplayWebhook(t.Context(), "acme", hook.ID, 0))(t)
		start(t, s, nil, relay.Options{AllowPrivate: true, Sweep: 50 * time.Millisecond})
		if e := rec.next(t); e.Kind != "shipment.created" || e.ID != "s1" {
			t.Errorf("replayed %+v, want the first", e)
		}
	})
}

func TestDeliverOne(t *testing.T) {
	s := openSQLite(t)
	rec := newReceiver(t, "s3cret", func(n int) int { return []int{200, 410}[n-1] })
	r := relay.New(s, nil, relay.Options{AllowPrivate: true})
	w := fleet.Webhook{Fleet: "acme", ID: "w1", URL: rec.URL, Secret: "s3cret"}
	if err := r.Deliver(t.Context(), w, fleet.Event{Kind: "webhook.test", ID: "w1", Data: []byte("{}")}); err != nil {
		t.Error(err)
	}
	if e := rec.next(t); e.Kind != "webhook.test" {
		t.Errorf("delivered %+v", e)
	}
	if err := r.Deliver(t.Context(), w, fleet.Event{Data: []byte("{}")}); err == nil || !strings.Contains(err.Error(), "410") {
		t.Errorf("error %v, want that it answered 410", err)
	}
}

// waitHook waits until done says so of the stored webhook.
func waitHook(t *testing.T, s storetest.Store, id string, done func(fleet.Webhook) bool) fleet.Webhook {
	t.Helper()
	woken := make(chan struct{}, 1)
	go func() {
		_ = s.Listen(t.Context(), func() {}, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		w := must(s.Webhook(t.Context(), "acme", id))(t)
		if done(w) {
			return w
		}
		select {
		case <-woken:
		case <-tick.C:
		case <-deadline:
			t.Fatalf("webhook stays %+v", w)
		}
	}
}

func TestWebhookToAPrivateAddressIsRefused(t *testing.T) {
	s := openSQLite(t)
	rec := newReceiver(t, "s3cret", func(int) int { t.Error("it was reached"); return 200 })
	hook := must(s.CreateWebhook(t.Context(), fleet.Webhook{Fleet: "acme", URL: strings.Replace(rec.URL, "127.0.0.1", "localhost", 1), Secret: "s3cret"}))(t)
	start(t, s, nil, relay.Options{Sweep: 50 * time.Millisecond})
	shipment(t, s, "s1")
	w := waitHook(t, s, hook.ID, func(w fleet.Webhook) bool { return w.Failures > 0 })
	if !strings.Contains(w.LastError, "not a public address") || !w.RetryAt.After(time.Now().Add(-time.Second)) {
		t.Errorf("webhook %+v", w)
	}
}

// What fails for a day after the event is given up, and the next one has its turn.
func TestWebhookGivesUp(t *testing.T) {
	s := openPostgresWithURL(t)
	rec := newReceiver(t, "s3cret", func(n int) int {
		if n == 1 {
			return 503
		}
		return 200
	})
	hook := must(s.CreateWebhook(t.Context(), fleet.Webhook{Fleet: "acme", URL: rec.URL, Kinds: []string{"shipment"}, Secret: "s3cret"}))(t)
	shipment(t, s.Store, "s1")
	shipment(t, s.Store, "s2")
	s.exec(t, "UPDATE outbox SET at = at - interval '25 hours'")
	s.exec(t, "UPDATE webhooks SET replayed_at = replayed_at - interval '25 hours'")
	start(t, s, nil, relay.Options{AllowPrivate: true, Sweep: 50 * time.Millisecond})
	if e := rec.next(t); e.ID != "s2" {
		t.Errorf("delivered %+v, want s2", e)
	}
	waitHook(t, s, hook.ID, func(w fleet.Webhook) bool { return w.LastError == "" })
	letters := must(s.DeadLetters(t.Context(), "acme", "", 10))(t)
	if len(letters) != 1 || letters[0].Topic != "webhooks/"+hook.ID || letters[0].Reason != "answered 503" || !strings.Contains(string(letters[0].Payload), `"s1"`) {
		t.Errorf("letters %+v", letters)
	}
}
