package api

import (
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

func vitals() fleet.Vitals {
	return fleet.Vitals{StreamBytes: 700, StreamMaxBytes: 1000, Fill: 0.75, Backlog: 3, Saved: 10, SaveDelay: 500 * time.Millisecond}
}

func TestSystem(t *testing.T) {
	s := serve(t, func(o *Options) { o.Vitals, o.Broker = vitals, oneClient{} })
	admin := s.token("acme", fleet.RoleAdmin, "boss")
	const want = `{"stream_bytes":700,"stream_max_bytes":1000,"stream_fill":0.75,"stream_full":false,"backlog_frames":3,"saved":10,"saved_delay_s":0.5,"queue_bytes":64}`
	if r := s.want(200, "GET", "/system", admin, nil, nil); string(r.body) != want+"\n" {
		t.Errorf("GET /system = %s, want %s", r.body, want)
	}
	s = serve(t, func(o *Options) { o.Vitals = vitals })
	if r := s.want(200, "GET", "/system", s.token("acme", fleet.RoleAdmin, "boss"), nil, nil); !strings.Contains(string(r.body), `"queue_bytes":null`) {
		t.Errorf("without a broker: %s", r.body)
	}
	s = serve(t)
	s.want(503, "GET", "/system", s.token("acme", fleet.RoleAdmin, "boss"), nil, nil)
}
