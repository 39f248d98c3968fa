package api

import (
	"context"
	"errors"

	"github.com/dray-fleet/dray/fleet"
)

// A deliverer gets through to every URL but that of a webhook called down.
type deliverer struct{}

func (deliverer) Deliver(_ context.Context, w fleet.Webhook, _ fleet.Event) error {
	if w.URL == "https://down.example/" {
		return errors.New("503 Service Unavailable")
	}
	return nil
}
