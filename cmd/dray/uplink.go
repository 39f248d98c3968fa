package main

import (
	"context"

	"github.com/dray-fleet/dray/broker"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

// uplink is the way of what comes over HTTP into the stream.
type uplink struct {
	stream   *stream.Log
	registry broker.Registry // nil: any driver is admitted
	broker   *broker.Broker  // nil without the role
}

// An outcome hears of one append.
type outcome chan error

func (o *outcome) Appended(_ uint64, err error) { *o <- err }
func (o *outcome) Flush()                       {}

// Append returns after p is synced. Who is connected here sees it then.
func (u uplink) Append(ctx context.Context, p fleet.Publication) error {
	if u.registry != nil {
		if err := u.registry.Admit(ctx, p.Fleet, p.Driver); err != nil {
			return err
		}
	}
	done := make(outcome, 1) // not waited for when ctx ends first
	if err := u.stream.Append(p, &done, 0); err != nil {
		return err
	}
	select {
	case err := <-done:
		if err == nil && u.broker != nil {
			u.broker.Show(p.Topic, p.Payload)
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
