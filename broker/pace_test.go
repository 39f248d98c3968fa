package broker

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// What gathers is written in order, by itself, and when there is much of it.
func TestLivePublicationsGather(t *testing.T) {
	near, far := net.Pipe()
	var total atomic.Int64
	o := &outbound{nc: near, limit: 1 << 20, total: &total, most: 1 << 20, pace: &pace{}}
	o.room.L = &o.mu
	o.pace.busy.Store(true)
	var want []byte
	for i := range 3 * gatherBytes / 16 {
		p := fmt.Appendf(nil, "publication%5d", i)
		o.live("topic", p)
		want = append(want, p...)
	}
	_ = far.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, len(want))
	if n, err := io.ReadFull(far, got); err != nil || string(got) != string(want) {
		t.Fatalf("%d of %d bytes came, error %v", n, len(want), err)
	}
	o.live("topic", []byte("the last one"))
	if n, err := io.ReadFull(far, got[:12]); err != nil || string(got[:12]) != "the last one" {
		t.Fatalf("%q came, error %v", got[:n], err)
	}
	o.wait()
}

func TestPaceFollowsTheDeliveries(t *testing.T) {
	var delivered atomic.Int64
	var p pace
	ran := make(chan struct{})
	go func() { p.run(t.Context(), &delivered); close(ran) }()
	t.Cleanup(func() { <-ran })
	eventually(t, "many deliveries", func() bool { delivered.Add(busyDeliveries); return p.busy.Load() })
	eventually(t, "few deliveries", func() bool { return !p.busy.Load() })
}
