package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A Webhook is where events of the fleet are delivered, in order.
type Webhook struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Kinds     []string `json:"kinds" nullable:"false" doc:"Empty: all."`
	Disabled  bool     `json:"disabled"`
	CreatedAt stamp    `json:"created_at"`
	Cursor    int64    `json:"cursor" doc:"Through this event it is delivered."`
	Failures  int      `json:"failures" doc:"In a row, of the event that is to be delivered."`
	RetryAt   stamp    `json:"retry_at,omitzero"`
	LastError string   `json:"last_error,omitempty"`
}

// A WebhookRequest creates a webhook.
type WebhookRequest struct {
	URL    string   `json:"url" minLength:"1" maxLength:"2048" example:"https://erp.example/dray"`
	Kinds  []string `json:"kinds,omitempty" nullable:"false" maxItems:"50" doc:"Kinds, or entities for all of their kinds; default: all." example:"[\"shipment\",\"alert.opened\"]"`
	Secret string   `json:"secret,omitempty" minLength:"16" maxLength:"200" format:"password" doc:"Signs the deliveries; default: a random one."`
}

// A WebhookChange holds what may be changed of a webhook; absent stays as it is.
type WebhookChange struct {
	URL      *string   `json:"url,omitempty" minLength:"1" maxLength:"2048"`
	Kinds    *[]string `json:"kinds,omitempty" nullable:"false" maxItems:"50"`
	Secret   *string   `json:"secret,omitempty" minLength:"16" maxLength:"200" format:"password"`
	Disabled *bool     `json:"disabled,omitempty"`
}

// A NewWebhook is a webhook with its secret, which is not shown again.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret"`
}

// A Replay says from where a webhook is to be delivered again.
type Replay struct {
	After int64 `json:"after" minimum:"0" doc:"The cursor of an event; what came after it is delivered." example:"1207"`
}

// A Delivery is what became of a test delivery.
type Delivery struct {
	Delivered bool   `json:"delivered"`
	Error     string `json:"error,omitempty"`
}

// A Deliverer sends to webhooks.
type Deliverer interface {
	// Deliver sends one event now, without trying again.
	Deliver(ctx context.Context, w fleet.Webhook, e fleet.Event) error
}

var errNoDeliverer = errors.New("no relay in this process")

const deliveryTime = 30 * time.Second

func (a *API) webhookRoutes() {
	register(a, operation{method: "GET", path: "/webhooks", id: "list-webhooks", summary: "The webhooks of the fleet"}, admins, a.listWebhooks)
	register(a, operation{method: "POST", path: "/webhooks", id: "create-webhook", summary: "Create a webhook, from the newest event on",
		status: http.StatusCreated, once: true}, admins, a.createWebhook)
	register(a, operation{method: "GET", path: "/webhooks/{id}", id: "read-webhook", summary: "One webhook and how its deliveries are"}, admins, a.readWebhook)
	register(a, operation{method: "PATCH", path: "/webhooks/{id}", id: "update-webhook", summary: "Change or disable a webhook"}, admins, a.updateWebhook)
	register(a, operation{method: "DELETE", path: "/webhooks/{id}", id: "delete-webhook", summary: "Delete a webhook"}, admins, a.deleteWebhook)
	register(a, operation{method: "POST", path: "/webhooks/{id}/replay", id: "replay-webhook",
		summary: "Deliver again what came after an event", status: http.StatusNoContent}, admins, a.replayWebhook)
	register(a, operation{method: "POST", path: "/webhooks/{id}/test", id: "test-webhook",
		summary: "Deliver an event of kind webhook.test now", status: http.StatusOK, time: deliveryTime}, admins, a.testWebhook)
}

// OneWebhook names a webhook of the fleet in the path.
type OneWebhook struct {
	InFleet
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func (a *API) listWebhooks(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[page[Webhook]], error) {
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Webhooks(ctx, callerOf(ctx).fleet, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(found, in.Limit, webhook, func(w *fleet.Webhook) string { return w.ID })), nil
}

func (a *API) createWebhook(ctx context.Context, in *struct {
	InFleet
	Body WebhookRequest
}) (*body[NewWebhook], error) {
	c, id := callerOf(ctx), newID(ctx)
	w, err := a.Store.CreateWebhook(ctx, fleet.Webhook{Fleet: c.fleet, ID: id, URL: in.Body.URL, Kinds: in.Body.Kinds, Secret: in.Body.Secret})
	w, err = created(ctx, w, err, func() (fleet.Webhook, error) { return a.Store.Webhook(ctx, c.fleet, id) })
	if err != nil {
		return nil, inBody(err)
	}
	return reply(NewWebhook{webhook(&w), w.Secret}), a.audit(ctx, "create", "webhook", w.ID, nil, webhook(&w))
}

func (a *API) readWebhook(ctx context.Context, in *OneWebhook) (*body[Webhook], error) {
	w, err := a.Store.Webhook(ctx, callerOf(ctx).fleet, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(webhook(&w)), nil
}

func (a *API) updateWebhook(ctx context.Context, in *struct {
	OneWebhook
	Body WebhookChange
}) (*body[Webhook], error) {
	before, err := a.Store.Webhook(ctx, callerOf(ctx).fleet, in.ID)
	if err != nil {
		return nil, err
	}
	after := before
	set(&after.URL, in.Body.URL)
	set(&after.Kinds, in.Body.Kinds)
	set(&after.Secret, in.Body.Secret)
	set(&after.Disabled, in.Body.Disabled)
	if err := a.Store.UpdateWebhook(ctx, after); err != nil {
		return nil, inBody(err)
	}
	return reply(webhook(&after)), a.audit(ctx, "update", "webhook", in.ID, webhook(&before), webhook(&after))
}

func (a *API) deleteWebhook(ctx context.Context, in *OneWebhook) (*struct{}, error) {
	w, err := a.Store.Webhook(ctx, callerOf(ctx).fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteWebhook(ctx, w.Fleet, in.ID); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "delete", "webhook", in.ID, webhook(&w), nil)
}

func (a *API) replayWebhook(ctx context.Context, in *struct {
	OneWebhook
	Body Replay
}) (*struct{}, error) {
	w, err := a.Store.Webhook(ctx, callerOf(ctx).fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.ReplayWebhook(ctx, w.Fleet, in.ID, in.Body.After); err != nil {
		return nil, inBody(err)
	}
	return nil, a.audit(ctx, "replay", "webhook", in.ID, webhook(&w), in.Body)
}

func (a *API) testWebhook(ctx context.Context, in *OneWebhook) (*body[Delivery], error) {
	if a.Deliverer == nil {
		return nil, errNoDeliverer
	}
	c := callerOf(ctx)
	w, err := a.Store.Webhook(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	out := Delivery{Delivered: true}
	err = a.Deliverer.Deliver(ctx, w, fleet.Event{
		Kind: "webhook.test", At: time.Now(), Actor: c.Subject, Fleet: c.fleet, Entity: "webhook", ID: w.ID, Data: []byte("{}"),
	})
	if err != nil {
		out = Delivery{Error: err.Error()}
	}
	return reply(out), a.audit(ctx, "test", "webhook", in.ID, nil, out)
}

func webhook(w *fleet.Webhook) Webhook {
	kinds := w.Kinds
	if kinds == nil {
		kinds = []string{}
	}
	return Webhook{w.ID, w.URL, kinds, w.Disabled, at(w.CreatedAt), w.Cursor, w.Failures, at(w.RetryAt), w.LastError}
}
