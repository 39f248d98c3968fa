package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	firstAwait = 250 * time.Millisecond
	lastAwait  = 4 * time.Second
)

// await opens a dependency that may not be up yet, so that the parts of an
// installation can be started in any order. What waiting cannot mend, such as a
// wrong password or a database of a newer program, is an error at once.
func await(ctx context.Context, log *slog.Logger, what string, open func(context.Context) error) error {
	for pause := firstAwait; ; pause = min(2*pause, lastAwait) {
		err := open(ctx)
		if err == nil || !notUpYet(err) || ctx.Err() != nil {
			return err
		}
		log.Warn("waiting at the start", "for", what, "error", err, "retry_in", pause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// notUpYet reports whether err says that a server cannot be reached, or is
// still starting.
func notUpYet(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "57P03" // cannot_connect_now
	}
	var op *net.OpError
	var connect *pgconn.ConnectError
	return errors.As(err, &op) || errors.As(err, &connect) || errors.Is(err, nats.ErrNoServers) ||
		errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
		errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, context.DeadlineExceeded) // of one attempt
}
