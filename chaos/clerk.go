package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A clerk creates shipments over HTTP and is told of them by a webhook, which is
// not one of the processes that are broken. Every one that was answered with 201
// is told of, whatever was killed between its commit and the telling.
type clerk struct {
	rig   *rig
	token string
	hook  *http.Server
	url   string

	mu      sync.Mutex
	created map[string]struct{} // answered with 201
	told    map[string]struct{}
}

const (
	clerkBurst = 10                     // shipments at once, so that some wait to be told at any moment
	clerkPause = 500 * time.Millisecond // between bursts
	tellTime   = 30 * time.Millisecond  // that the webhook takes for one event
)

// clerical has a clerk work until the load ends. The server must allow webhooks
// to this machine.
func (r *rig) clerical(ctx context.Context) error {
	token, err := r.token(fleet.RoleAdmin, "clerk")
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c := &clerk{rig: r, token: token, url: "http://" + ln.Addr().String(), created: map[string]struct{}{}, told: map[string]struct{}{}}
	c.hook = &http.Server{Handler: http.HandlerFunc(c.hear), ReadHeaderTimeout: answerTime}
	var served sync.WaitGroup
	served.Go(func() { _ = c.hook.Serve(ln) }) // until Close
	r.closers = append(r.closers, func() error {
		err := c.hook.Close()
		served.Wait()
		return err
	})
	body := fmt.Sprintf(`{"url":%q,"kinds":["shipment.created"]}`, c.url)
	if status, a := send(ctx, http.MethodPost, r.http+"/api/v1/webhooks", token, body); status != http.StatusCreated {
		return fmt.Errorf("create webhook: %d %s", status, a.body)
	}
	r.clerk = c
	return nil
}

// run creates shipments until ctx is done.
func (c *clerk) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		for i := range clerkBurst {
			id := fmt.Sprintf("job-%d-%d", n, i)
			status, _ := send(ctx, http.MethodPost, c.rig.http+"/api/v1/shipments", c.token, fmt.Sprintf(`{"id":%q}`, id))
			if status == http.StatusCreated {
				c.mu.Lock()
				c.created[id] = struct{}{}
				c.mu.Unlock()
			}
		}
		_ = wait(ctx, clerkPause) // the loop asks ctx
	}
}

// hear is the webhook.
func (c *clerk) hear(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var event struct{ Kind, ID string }
	if err != nil || json.Unmarshal(body, &event) != nil {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	_ = wait(r.Context(), tellTime) // who is gone needs no answer
	if strings.HasPrefix(event.ID, "job-") {
		c.mu.Lock()
		c.told[event.ID] = struct{}{}
		c.mu.Unlock()
	}
}

// untold returns how many shipments were created, how many of them nobody was
// told of, and one of those.
func (c *clerk) untold() (created, untold int, example string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.created {
		if _, ok := c.told[id]; !ok {
			untold, example = untold+1, id
		}
	}
	return len(c.created), untold, example
}

// settle waits until everything is told, up to limit.
func (c *clerk) settle(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := poll(ctx, "told", func() (bool, error) { _, untold, _ := c.untold(); return untold == 0, nil })
	created, untold, example := c.untold()
	c.rig.result.Untold = untold
	c.rig.note("%d shipments created, %d of them not told of", created, untold)
	if err != nil {
		c.rig.breach("of %d shipments nobody was told, such as %s", untold, example)
	}
	if created == 0 {
		c.rig.breach("no shipment was created")
	}
}
