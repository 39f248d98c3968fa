package api

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// maxTokenTime is the longest life of a token that is minted here, and how
// long a revocation of tokens whose end is not known is kept.
const maxTokenTime = 5 * 365 * 24 * time.Hour

// revokeSubject refuses every token of a subject that was issued up to now.
func (a *API) revokeSubject(ctx context.Context, fleetID, subject string) error {
	now := time.Now()
	return a.revoke(ctx, fleet.Revocation{Fleet: fleetID, Subject: subject, Before: now, ExpiresAt: now.Add(maxTokenTime)})
}

// clockMargin is how far the server's clock may be set forward and back without
// a revocation being forgotten before its token has ended.
const clockMargin = 24 * time.Hour

// revoke stores r and puts it in force here; other nodes read the store.
func (a *API) revoke(ctx context.Context, r fleet.Revocation) error {
	r.ExpiresAt = r.ExpiresAt.Add(clockMargin)
	if err := a.Store.Revoke(ctx, r); err != nil {
		return err
	}
	a.Revocations.Add(r)
	return nil
}
