package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/store/postgrestest"
)

// Two devices of one driver report over MQTT: the better position is shown, and
// a flag says while they are far apart.
func TestTwoDevicesOfADriver(t *testing.T) {
	for name, env := range map[string][]string{"SQLite": nil, "PostgreSQL": {"DRAY_STORE_URL=" + postgrestest.URL(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, t.TempDir(), env...)
			boss := p.token("dispatcher", "dispo")
			devices := map[string]paho.Client{}
			for _, d := range []string{"tracker", "tablet"} {
				opts := paho.NewClientOptions().AddBroker("tcp://" + p.MQTT).SetClientID(d).SetUsername(d).
					SetPassword(p.token("device", d, "--driver", "d1")).SetAutoReconnect(false).SetConnectTimeout(10 * time.Second)
				c := paho.NewClient(opts)
				if token := c.Connect(); !token.WaitTimeout(20*time.Second) || token.Error() != nil {
					t.Fatalf("connect %s: %v", d, token.Error())
				}
				defer c.Disconnect(100)
				devices[d] = c
			}
			base := time.Now().Add(-10 * time.Second)
			for _, step := range []struct {
				device   string
				sec      int
				lat, acc float64
				shown    float64
				apart    bool
			}{
				{"tracker", 0, 59.3, 5, 59.3, false},
				{"tablet", 1, 59.302, 300, 59.3, false},
				{"tablet", 2, 59.31, 6, 59.31, true}, // 1.1 km away
				{"tracker", 3, 59.31, 5, 59.31, false},
			} {
				token := devices[step.device].Publish("fleet/acme/drivers/d1/location", 1, false,
					fmt.Sprintf(`{"fix_at":%d,"lat":%g,"lon":18,"accuracy_m":%g}`, base.Add(time.Duration(step.sec)*time.Second).UnixMilli(), step.lat, step.acc))
				if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
					t.Fatal(token.Error())
				}
				p.until(20*time.Second, fmt.Sprintf("as after %+v", step), func() bool {
					var d struct {
						Position *struct{ Lat float64 }
						Flags    []string
					}
					var track struct{ Points []struct{} }
					p.get("/drivers/d1/track", boss, &track)
					return p.get("/drivers/d1", boss, &d) == 200 && d.Position != nil && d.Position.Lat == step.shown &&
						slices.Contains(d.Flags, "disagreement") == step.apart && len(track.Points) > 0
				})
			}
		})
	}
}
