package relay

import (
	"context"
	"encoding/json"

	"github.com/dray-fleet/dray/fleet"
)

// Deliver sends one event to a webhook now, signed as all are, and does not try
// again: it shows whether the other side gets it.
func (r *Relay) Deliver(ctx context.Context, w fleet.Webhook, e fleet.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return r.hooks.post(ctx, &w, body)
}
