package chaos

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// readNothing is F7: a dispatcher that subscribes to everything and then reads
// nothing must cost nobody but itself.
func readNothing(ctx context.Context, r *rig) error {
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 50, 4); err != nil {
		return err
	}
	if err := wait(ctx, 8*time.Second); err != nil {
		return err
	}
	before, memory := percentile(r.waits(), 99), p.resident()
	conn, err := net.Dial("tcp", r.mqtt)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		return err
	}
	token, err := r.token(fleet.RoleDispatcher, "sleepy")
	if err != nil {
		return err
	}
	if err := handshake(conn, "sleepy", "sleepy", token); err != nil {
		return err
	}
	s := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	s.MessageID, s.Topics, s.Qoss = 1, []string{"fleet/" + fleetID + "/drivers/+/location", "fleet/" + fleetID + "/live"}, []byte{0, 0}
	if err := s.Write(conn); err != nil {
		return err
	}
	if err := wait(ctx, 15*time.Second); err != nil {
		return err
	}
	during, grown := percentile(r.waits(), 99), p.resident()-memory
	if during > max(2*before, 100*time.Millisecond) {
		r.late("acknowledgements p99 %s against %s before", during, before)
	}
	if grown > 64<<20 {
		r.breach("memory grew by %d MiB", grown>>20)
	}
	r.note("acknowledgements p99 %s before, %s with one that does not read; memory grew by %d KiB",
		before.Round(time.Millisecond), during.Round(time.Millisecond), grown>>10)
	return r.settle(ctx)
}

// storm is F11: everybody comes back at once.
func storm(ctx context.Context, r *rig) error {
	p, err := r.serve(ctx, "DRAY_LIMITS_UNAUTHENTICATED_PER_ADDRESS=100000", "DRAY_LIMITS_UNAUTHENTICATED=100000")
	if err != nil {
		return err
	}
	if err := r.load(ctx, 20, 0); err != nil {
		return err
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	n := int(min(5000, files.Cur/2-1000))
	tokens := make([]string, n)
	for i := range tokens {
		if tokens[i], err = r.token(fleet.RoleDriver, fmt.Sprintf("storm-%d", i)); err != nil {
			return err
		}
	}
	all := func() (time.Duration, int64) {
		var failed atomic.Int64
		var clients sync.WaitGroup
		conns := make(chan net.Conn, n)
		began := time.Now()
		at := make(chan struct{}, 512) // handshakes at once
		for i := range n {
			clients.Go(func() {
				at <- struct{}{}
				defer func() { <-at }()
				for ctx.Err() == nil && time.Since(began) < 60*time.Second {
					conn, err := net.DialTimeout("tcp", r.mqtt, 5*time.Second)
					if err == nil {
						if err = handshake(conn, fmt.Sprintf("storm-%d", i), "storm", tokens[i]); err == nil {
							conns <- conn
							return
						}
						conn.Close()
					}
					_ = wait(ctx, 200*time.Millisecond) // the loop asks ctx
				}
				failed.Add(1)
			})
		}
		clients.Wait()
		took := time.Since(began)
		close(conns)
		r.storm = r.storm[:0]
		for c := range conns {
			r.storm = append(r.storm, c)
		}
		return took, failed.Load()
	}
	defer func() {
		for _, c := range r.storm {
			c.Close()
		}
	}()
	if took, failed := all(); failed > 0 {
		r.breach("%d of %d did not connect in %s", failed, n, took)
	}
	idle := p.resident()
	p.kill()
	for _, c := range r.storm {
		c.Close()
	}
	r.waits()
	began := time.Now()
	if err := p.up(ctx); err != nil {
		return err
	}
	took, failed := all()
	if failed > 0 || took > 60*time.Second {
		r.breach("%d of %d were not back after %s", failed, n, took)
	}
	if err := r.recovered(ctx, began, 60*time.Second); err != nil {
		return err
	}
	if err := wait(ctx, 2*time.Second); err != nil {
		return err
	}
	p99 := percentile(r.waits(), 99)
	if p99 > time.Second {
		r.late("acknowledgements p99 %s in the storm", p99)
	}
	r.note("%d clients back in %.1fs; acknowledgements p99 %s meanwhile; memory with all of them %d MiB", n, took.Seconds(), p99.Round(time.Millisecond), idle>>20)
	return r.settle(ctx)
}

// endTokens is F12: tokens that expire, and that are revoked, under a connection.
func endTokens(ctx context.Context, r *rig) error {
	if _, err := r.serve(ctx); err != nil {
		return err
	}
	if err := r.load(ctx, 20, 0); err != nil {
		return err
	}
	exp := time.Now().Add(3 * time.Second).Truncate(time.Second)
	short, err := r.minter.Mint(&auth.Claims{Subject: "brief", Fleet: fleetID, Role: fleet.RoleDispatcher, ExpiresAt: exp})
	if err != nil {
		return err
	}
	var late atomic.Int64
	c, err := dial(ctx, r.mqtt, "brief", "brief", short, func(string, []byte) {
		if time.Since(exp) > time.Second {
			late.Add(1)
		}
	})
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.subscribe("fleet/" + fleetID + "/drivers/+/location"); err != nil {
		return err
	}
	r.endsWithin(ctx, c, "an expired token", exp, 5*time.Second)
	if late.Load() > 0 {
		r.breach("%d were delivered after the token had expired", late.Load())
	}
	if again, err := dial(ctx, r.mqtt, "brief", "brief", short, nil); err == nil {
		r.breach("an expired token was taken")
		again.close()
	}
	if again, err := r.dialAs(ctx, fleet.RoleDispatcher, "brief", nil); err != nil {
		r.breach("a new token was refused: %v", err)
	} else {
		again.close()
	}

	old, err := r.token(fleet.RoleDriver, "revoked")
	if err != nil {
		return err
	}
	d, err := dial(ctx, r.mqtt, "revoked", "revoked", old, nil)
	if err != nil {
		return err
	}
	defer d.close()
	admin, err := r.token(fleet.RoleAdmin, "root")
	if err != nil {
		return err
	}
	if status, _ := request(ctx, http.MethodPost, r.http+"/api/v1/subjects/revoked/revoke", admin); status != http.StatusNoContent {
		r.breach("revoke = %d", status)
	}
	r.endsWithin(ctx, d, "a revoked token", time.Now(), 5*time.Second)
	if again, err := dial(ctx, r.mqtt, "revoked", "revoked", old, nil); err == nil {
		r.breach("a revoked token was taken")
		again.close()
	}
	return r.settle(ctx)
}

func (r *rig) endsWithin(ctx context.Context, c *client, what string, from time.Time, limit time.Duration) {
	select {
	case <-c.gone:
		r.note("a connection with %s ended after %.1fs", what, time.Since(from).Seconds())
	case <-ctx.Done():
	case <-time.After(time.Until(from.Add(limit))):
		r.breach("a connection with %s lives on after %s", what, limit)
	}
}
