package broker

import (
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
)

func TestRates(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "d1", s.driver("d1"))
	c := s.b.sessions.connected("acme/d1")
	rates := func(after time.Duration) [2]float64 {
		receive, send := c.meter.rates(c, c.openedAt.Add(after))
		return [2]float64{receive, send}
	}
	w.granted(0, d1+"health")
	for i := range 20 {
		w.publish(d1+"health", health(i), 0, 0)
		w.message()
	}
	if got, want := rates(5*time.Second), ([2]float64{4, 4}); got != want {
		t.Errorf("20 there and back in 5 s: %v, want %v", got, want)
	}
	for _, at := range []time.Duration{meterEvery, 2 * meterEvery} {
		s.b.readMeters(c.openedAt.Add(at))
	}
	if got, want := rates(3*meterEvery), ([2]float64{0, 0}); got != want {
		t.Errorf("silent since: %v, want %v", got, want)
	}
	if list := s.b.Clients("acme"); list[0].ReceiveRate != 0 || list[0].Received != 20 {
		t.Errorf("clients %+v", list)
	}
}
