package ingest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
)

// reports is what a device that speaks for d7 publishes.
func reports(device, topic, format string, args ...any) fleet.Publication {
	return fleet.Publication{
		Topic: topic, Payload: fmt.Appendf(nil, format, args...), ReceivedAt: time.Now().UTC(),
		Fleet: "acme", Subject: device, Role: fleet.RoleDevice, Driver: "d7", Node: "n1",
	}
}

func TestVendorTopics(t *testing.T) {
	r := newRig(t, t.TempDir(), nil)
	s := func(seconds int) int64 { return noon.Add(time.Duration(seconds) * time.Second).Unix() }
	alone := reports("352093081452251", "352093081452251/data", `{"state":{"reported":{"ts":%d,"latlng":"59.300000,18.000000","sat":9}}}`, 1000*s(4))
	alone.Driver = ""
	dispatcher := reports("boss", "owntracks/ann/phone", `{"_type":"location","tst":%d,"lat":59.3,"lon":18}`, s(0))
	dispatcher.Role = fleet.RoleDispatcher
	r.publish(
		reports("pixel", "owntracks/ann/phone", `{"_type":"location","tst":%d,"lat":59.3,"lon":18}`, s(0)),
		reports("pixel", "owntracks/ann/phone/event", `{"_type":"transition","tst":%d,"wtst":1,"lat":59.3,"lon":18,"event":"enter","desc":"Depot"}`, s(1)),
		reports("pixel", "owntracks/ann/phone/waypoint", `{"_type":"waypoint","tst":%d,"desc":"Depot","lat":59.3,"lon":18,"rad":50}`, s(2)),
		reports("pixel", "owntracks/ann/phone/status", `{"_type":"status","iOS":{"version":"18"}}`),
		reports("box", "v1/devices/me/telemetry", `{"ts":%d,"values":{"latitude":59.3,"longitude":18}}`, 1000*s(2)),
		reports("box", "v1/devices/me/telemetry", `{"temperature":21.5}`),
		reports("flespi-1", "flespi/352093081452251", `{"timestamp":%d,"position.latitude":59.3,"position.longitude":18}`, s(3)),
		alone,
		reports("box", "v1/devices/me/telemetry", `{"ts":%d,"values":{"latitude":95,"longitude":18}}`, 1000*s(5)),
		reports("box", "something/else", `{}`),
		dispatcher,
		says("d8", "location", "%s", fixAt(1)),
	)
	defer r.run(ingest.Options{})()
	r.await(func(b *fleet.Batch) bool { return b.Offset != nil })

	for driver, want := range map[string][]string{
		"d7":              {"box+2s", "flespi-1+3s", "pixel+0s", "pixel+1s"},
		"352093081452251": {"352093081452251+4s"},
	} {
		var got []string
		for _, p := range r.track(driver) {
			got = append(got, fmt.Sprintf("%s+%v", p.Source, p.FixAt.Sub(noon)))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("track of %s is %q, want %q", driver, got, want)
		}
	}
	if d, err := r.store.Driver(t.Context(), "acme", "d7"); err != nil || d.Health == nil {
		t.Errorf("driver is %+v, error %v, want the status as its health", d, err)
	}
	letters, err := r.store.DeadLetters(t.Context(), "acme", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, l := range letters {
		fields = append(fields, l.Topic+" "+l.Field)
	}
	slices.Sort(fields)
	if want := []string{"owntracks/ann/phone topic", "something/else topic", "v1/devices/me/telemetry lat"}; !slices.Equal(fields, want) {
		t.Errorf("dead letters are %q, want %q", fields, want)
	}
}

// TestRetry stores what a letter holds once it can be read, as often as asked.
func TestRetry(t *testing.T) {
	r := newRig(t, t.TempDir(), nil)
	letter := fleet.DeadLetter{ID: "l1", Fleet: "acme", Driver: "d7", ReceivedAt: noon.Add(time.Minute)}
	for _, tt := range []struct {
		name, topic, payload string
		stored               int // positions of d7 afterwards
		invalid              string
	}{
		{"a location", "fleet/acme/drivers/d7/location", fmt.Sprintf("[%s,%s]", fixAt(0), fixAt(1)), 2, ""},
		{"again", "fleet/acme/drivers/d7/location", fmt.Sprintf("[%s,%s]", fixAt(1), fixAt(0)), 2, ""},
		{"of the future", "fleet/acme/drivers/d7/location", fixAt(86400), 2, ""},
		{"of a vendor", "owntracks/ann/phone", fmt.Sprintf(`{"_type":"location","tst":%d,"lat":59.3,"lon":18}`, noon.Unix()+2), 3, ""},
		{"still malformed", "fleet/acme/drivers/d7/location", "{", 3, "payload"},
		{"still unsupported", "fleet/acme/drivers/d7/shipments/s1/status", "{}", 3, "topic"},
		{"about nothing", "owntracks/ann/phone", `{"_type":"lwt","tst":1}`, 3, "payload"},
		{"of nobody", "something/else", "{}", 3, "topic"},
	} {
		letter.Topic, letter.Payload = tt.topic, []byte(tt.payload)
		err := ingest.Retrier{Store: r.store}.Retry(t.Context(), letter)
		var invalid *fleet.InvalidError
		if tt.invalid == "" && err != nil || tt.invalid != "" && (!errors.As(err, &invalid) || invalid.Field != tt.invalid) {
			t.Errorf("%s: Retry = %v, want field %q", tt.name, err, tt.invalid)
		}
		for len(r.store.saved) > 0 {
			<-r.store.saved
		}
		if n := len(r.track("d7")); n != tt.stored {
			t.Errorf("%s: %d positions are stored, want %d", tt.name, n, tt.stored)
		}
	}
	d, err := r.store.Driver(t.Context(), "acme", "d7")
	if err != nil || d.Position == nil || !d.Position.FixAt.Equal(noon.Add(2*time.Second)) {
		t.Errorf("driver is %+v, error %v", d, err)
	}
}
