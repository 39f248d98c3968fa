package codec

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A vendorCase is a payload and what it says: fixes, a health report, a reason
// why it is ignored, or the field that refuses it.
type vendorCase struct {
	name, payload string
	want          Message
	field         string
}

func fixes(f ...fleet.Fix) Message { return Message{Fixes: f} }

var (
	noPosition = Message{Ignored: ignoredNoFix}
	otherKind  = Message{Ignored: ignoredKind}
	nearly     = cmpopts.EquateApprox(0, 1e-9)
)

func checkVendor(t *testing.T, topic string, cases []vendorCase) {
	t.Helper()
	for _, tt := range cases {
		got, err := Vendor(topic, []byte(tt.payload), noon.Add(7*time.Hour))
		if tt.field != "" {
			wantField(t, tt.name, tt.payload, err, tt.field)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tt.want, got, nearly); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestOwnTracks(t *testing.T) {
	checkVendor(t, "owntracks/d1/phone", []vendorCase{
		{"an iPhone that drives", `{"_type":"location","BSSID":"b4:75","SSID":"x","acc":14,"alt":13,"batt":57,"bs":1,"cog":270,"conn":"w","created_at":1772366402,"inregions":["yard"],"lat":59.3293,"lon":18.0686,"m":1,"p":100.7,"t":"v","tid":"JJ","topic":"owntracks/d1/phone","tst":1772366400,"vac":3,"vel":54}`,
			fixes(fleet.Fix{FixAt: noon, SentAt: noon.Add(2 * time.Second), Lat: 59.3293, Lon: 18.0686, Accuracy: fleet.Some(14), Altitude: fleet.Some(13), Battery: fleet.Some(57),
				Heading: fleet.Some(270), Speed: fleet.Some(15), Trigger: "distance",
				Ext: []byte(`{"BSSID":"b4:75","SSID":"x","bs":1,"conn":"w","inregions":["yard"],"m":1,"p":100.7,"t":"v","tid":"JJ","topic":"owntracks/d1/phone","vac":3}`)}), ""},
		{"only what is required", `{"_type":"location","lat":1,"lon":2,"tst":1772366400}`, fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}), ""},
		{"unknown course and speed", `{"_type":"location","lat":1,"lon":2,"tst":1772366400,"cog":-1,"vel":-1,"batt":-1,"acc":-1}`, fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}), ""},
		{"asked for", `{"_type":"location","lat":1,"lon":2,"tst":1772366400,"t":"r"}`, fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2, Trigger: "poll", Ext: []byte(`{"t":"r"}`)}), ""},
		{"a photo is left out", `{"_type":"location","lat":1,"lon":2,"tst":1772366400,"image":"` + strings.Repeat("A", 9000) + `"}`, fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}), ""},
		{"transition", `{"_type":"transition","acc":130,"desc":"yard","event":"enter","lat":12.34,"lon":44.5,"t":"c","tid":"JP","tst":1772366400,"wtst":1425042603}`,
			fixes(fleet.Fix{FixAt: noon, Lat: 12.34, Lon: 44.5, Accuracy: fleet.Some(130), Trigger: "event", Ext: []byte(`{"desc":"yard","event":"enter","t":"c","tid":"JP","wtst":1425042603}`)}), ""},
		{"transition without a position", `{"_type":"transition","desc":"yard","event":"leave","tst":1772366400,"wtst":1}`, noPosition, ""},
		{"status", `{"_type":"status","android":{"hib":0,"bo":1,"loc":0,"ps":0,"wifi":1}}`, Message{Health: &fleet.Health{Ext: []byte(`{"android":{"hib":0,"bo":1,"loc":0,"ps":0,"wifi":1}}`)}}, ""},
		{"lwt", `{"_type":"lwt","tst":1772366400}`, otherKind, ""},
		{"waypoint", `{"_type":"waypoint","desc":"yard","lat":1,"lon":2,"rad":50,"tst":1772366400}`, otherKind, ""},
		{"waypoints", `{"_type":"waypoints","waypoints":[]}`, otherKind, ""},
		{"steps", `{"_type":"steps","tst":1772366400,"steps":1}`, otherKind, ""},
		{"encrypted", `{"_type":"encrypted","data":"…"}`, Message{}, "_type"},
		{"unknown type", `{"_type":"teleport"}`, Message{}, "_type"},
		{"no type", `{"lat":1,"lon":2,"tst":1772366400}`, Message{}, "_type"},
		{"type of a number", `{"_type":1}`, Message{}, "_type"},
		{"no time", `{"_type":"location","lat":1,"lon":2}`, Message{}, "tst"},
		{"time in milliseconds", `{"_type":"location","lat":1,"lon":2,"tst":` + noonMS + `}`, Message{}, "tst"},
		{"lat 91", `{"_type":"location","lat":91,"lon":2,"tst":1772366400}`, Message{}, "lat"},
		{"an array", `[{"_type":"location"}]`, Message{}, "payload"},
		{"text", `offline`, Message{}, "payload"},
	})
}

func TestTeltonika(t *testing.T) {
	checkVendor(t, "860123456789012/data", []vendorCase{
		{"driving", `{"state":{"reported":{"ts":` + noonMS + `,"pr":0,"latlng":"54.7146,25.3032","alt":112,"ang":201,"sat":13,"sp":72,"evt":0,"239":1,"240":1,"66":14120,"16":123456}}}`,
			fixes(fleet.Fix{FixAt: noon, Lat: 54.7146, Lon: 25.3032, Altitude: fleet.Some(112), Heading: fleet.Some(201), Speed: fleet.Some(20), Trigger: "time",
				Ext: []byte(`{"pr":0,"sat":13,"evt":0,"239":1,"240":1,"66":14120,"16":123456}`)}), ""},
		{"standing, by an event", `{"state":{"reported":{"ts":` + noonMS + `,"pr":1,"latlng":"-33.1, -70.6","alt":0,"ang":0,"sat":9,"sp":0,"evt":240}}}`,
			fixes(fleet.Fix{FixAt: noon, Lat: -33.1, Lon: -70.6, Altitude: fleet.Some(0), Speed: fleet.Some(0), Trigger: "event", Ext: []byte(`{"pr":1,"sat":9,"evt":240}`)}), ""},
		{"panic", `{"state":{"reported":{"ts":` + noonMS + `,"pr":2,"latlng":"1,2","evt":0}}}`, fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2, Trigger: "event", Ext: []byte(`{"pr":2,"evt":0}`)}), ""},
		{"no fix", `{"state":{"reported":{"ts":1698922776030,"pr":1,"latlng":"0.000000,0.000000","alt":0,"ang":0,"sat":0,"sp":0,"evt":250,"239":0,"240":1,"66":11922}}}`, noPosition, ""},
		{"no latlng", `{"state":{"reported":{"ts":1698922776030,"239":0}}}`, noPosition, ""},
		{"answer to a command", `{"RSP":"DOUT1:1 Timeout:INFINITY"}`, otherKind, ""},
		{"latlng of one number", `{"state":{"reported":{"ts":1,"latlng":"1"}}}`, Message{}, "latlng"},
		{"latlng of words", `{"state":{"reported":{"ts":1,"latlng":"NaN,Inf"}}}`, Message{}, "latlng"},
		{"latlng an array", `{"state":{"reported":{"ts":1,"latlng":[1,2]}}}`, Message{}, "latlng"},
		{"lat 91", `{"state":{"reported":{"ts":` + noonMS + `,"latlng":"91,2"}}}`, Message{}, "lat"},
		{"no time", `{"state":{"reported":{"latlng":"1,2"}}}`, Message{}, "ts"},
		{"no state", `{"ts":1}`, Message{}, "state.reported"},
		{"state a list", `{"state":[]}`, Message{}, "state"},
		{"reported null", `{"state":{"reported":null}}`, Message{}, "state.reported"},
	})
}

func TestThingsBoard(t *testing.T) {
	position := fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}
	atReceipt := position
	atReceipt.FixAt = noon.Add(7 * time.Hour)
	checkVendor(t, "v1/devices/me/telemetry", []vendorCase{
		{"ts and values", `{"ts":` + noonMS + `,"values":{"latitude":1,"longitude":2,"accuracy":8,"altitude":3,"bearing":90,"batteryLevel":55,"speed":40,"fuel":80}}`,
			fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2, Accuracy: fleet.Some(8), Altitude: fleet.Some(3), Heading: fleet.Some(90), Battery: fleet.Some(55), Ext: []byte(`{"speed":40,"fuel":80}`)}), ""},
		{"flat", `{"lat":1,"long":2}`, fixes(atReceipt), ""},
		{"flat with ts", `{"lat":1,"lng":2,"ts":` + noonMS + `}`, fixes(position), ""},
		{"array", `[{"ts":` + noonMS + `,"values":{"lat":1,"lon":2}},{"ts":` + noonMS + `,"values":{"door":"open"}},{"lat":1,"lon":2}]`, fixes(position, atReceipt), ""},
		{"no position", `{"temperature":21.5}`, noPosition, ""},
		{"empty array", `[]`, noPosition, ""},
		{"zero", `{"lat":0,"lon":0}`, noPosition, ""},
		{"values a list", `{"ts":1,"values":[]}`, Message{}, "values"},
		{"lat text", `[{"lat":"1","lon":2}]`, Message{}, "[0].latitude"},
		{"twice", `{"lat":1,"latitude":1,"lon":2}`, Message{}, "latitude"},
		{"out of range", `[{"lat":1,"lon":2},{"lat":1,"lon":200}]`, Message{}, "[1].lon"},
		{"array of numbers", `[1]`, Message{}, "payload"},
		{"too many", `[` + strings.Repeat(`{},`, 500) + `{}]`, Message{}, "payload"},
	})
}

func TestFlespi(t *testing.T) {
	checkVendor(t, "flespi/860123456789012", []vendorCase{
		{"one", `{"ident":"860123456789012","timestamp":1772366400.25,"server.timestamp":1772366401.1,"position.latitude":59.3,"position.longitude":18.1,"position.altitude":12,"position.speed":36,"position.direction":12,"position.satellites":9,"position.hdop":0.8,"position.valid":true,"battery.level":91,"engine.ignition.status":true}`,
			fixes(fleet.Fix{FixAt: noon.Add(250 * time.Millisecond), Lat: 59.3, Lon: 18.1, Altitude: fleet.Some(12), Speed: fleet.Some(10), Heading: fleet.Some(12), Battery: fleet.Some(91),
				Ext: []byte(`{"ident":"860123456789012","server.timestamp":1772366401.1,"position.satellites":9,"position.hdop":0.8,"engine.ignition.status":true}`)}), ""},
		{"array with one not valid", `[{"timestamp":1772366400,"position.latitude":1,"position.longitude":2,"position.valid":false},{"timestamp":1772366400,"position.latitude":1,"position.longitude":2}]`,
			fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}), ""},
		{"no position", `{"ident":"x","timestamp":1772366400,"gsm.signal.level":80}`, noPosition, ""},
		{"no time", `{"position.latitude":1,"position.longitude":2}`, Message{}, "timestamp"},
		{"latitude text", `{"timestamp":1772366400,"position.latitude":"x","position.longitude":2}`, Message{}, "position.latitude"},
	})
}

func TestVendorTopic(t *testing.T) {
	for _, topic := range []string{"", "a/b", "fleet/acme/drivers/d1/location", "x/y/data", "v1/devices/me/attributes", "1/commands"} {
		if _, err := Vendor(topic, []byte(`{}`), noon); err == nil {
			t.Errorf("Vendor(%q) took it", topic)
		}
	}
}

func TestVendorExtIsCut(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"timestamp":1772366400,"position.latitude":1,"position.longitude":2`)
	for i := range 600 {
		b.WriteString(`,"key.` + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + `":"value"`)
	}
	m, err := Flespi([]byte(b.String() + `}`))
	if err != nil || len(m.Fixes) != 1 {
		t.Fatalf("%d fixes, %v", len(m.Fixes), err)
	}
	ext := m.Fixes[0].Ext
	if len(ext) > fleet.MaxExt || !json.Valid(ext) || !strings.HasSuffix(string(ext), `,"truncated":true}`) {
		t.Errorf("ext of %d bytes ends in %.40q", len(ext), ext[len(ext)-40:])
	}
}

func TestOsmAndQuery(t *testing.T) {
	for _, tt := range []struct {
		query string
		want  Message
		field string
	}{
		{"id=123456&lat=59.3&lon=18.1&timestamp=1772366400&speed=10&bearing=90&altitude=12.5&accuracy=8&batt=77&charge=true&hdop=0.9",
			fixes(fleet.Fix{FixAt: noon, Lat: 59.3, Lon: 18.1, Speed: fleet.Some(10 * 1852 / 3600.), Heading: fleet.Some(90), Altitude: fleet.Some(12.5), Accuracy: fleet.Some(8), Battery: fleet.Some(77), Ext: []byte(`{"charge":"true","hdop":"0.9"}`)}), ""},
		{"deviceid=123456&location=1,2&timestamp=" + noonMS, fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}), ""},
		{"id=123456&lat=1&lon=2&timestamp=2026-03-01T12:00:00Z", fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}), ""},
		{"id=123456&lat=1&lon=2&timestamp=2026-03-01+12:00:00", fixes(fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}), ""},
		{"id=123456&lat=1&lon=2", fixes(fleet.Fix{FixAt: noon.Add(time.Hour), Lat: 1, Lon: 2}), ""},
		{"id=123456&lat=1&lon=2&bearing=-1&speed=-1", fixes(fleet.Fix{FixAt: noon.Add(time.Hour), Lat: 1, Lon: 2}), ""},
		{"id=123456&lat=1&lon=2&valid=false", noPosition, ""},
		{"id=123456&lat=0&lon=0", noPosition, ""},
		{"id=123456&timestamp=1772366400&batt=41.5&charge=true", Message{Health: &fleet.Health{At: noon, Battery: fleet.Some(41.5), Ext: []byte(`{"charge":"true"}`)}}, ""},
		{"id=123456", Message{}, "lat"},
		{"id=123456&latitude=1&longitude=2", Message{}, "lat"},
		{"id=123456&lon=2&batt=5", Message{}, "lat"},
		{"id=123456&lat=1&batt=5", Message{}, "lon"},
		{"id=123456&batt=101", Message{}, "batt"},
		{"id=123456&batt=5&timestamp=1", Message{}, "timestamp"},
		{"id=123456&lat=1&lon=2&timestamp=1", Message{}, "timestamp"},
		{"id=123456&location=1%3B2", Message{}, "location"},
		{"lat=1&lon=2", Message{}, "id"},
		{"id=a/b&lat=1&lon=2", Message{}, "id"},
		{"id=123456&lat=NaN&lon=2", Message{}, "lat"},
		{"id=123456&lat=1&lon=0x10", Message{}, "lon"},
		{"id=123456&lat=1&lat=1&lon=2", Message{}, "lat"},
		{"id=123456&lat=1&lon=2&location=1,2", Message{}, "location"},
		{"id=123456&lat=1&lon=2&timestamp=-5", Message{}, "timestamp"},
		{"id=123456&lat=1&lon=2&x=%00", Message{}, "x"},
	} {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		device, m, err := OsmAndQuery(q, noon.Add(time.Hour))
		if tt.field != "" {
			wantField(t, "OsmAndQuery", tt.query, err, tt.field)
			continue
		}
		if diff := cmp.Diff(tt.want, m, nearly); err != nil || device != "123456" || diff != "" {
			t.Errorf("OsmAndQuery(%s): device %q, %v (-want +got):\n%s", tt.query, device, err, diff)
		}
	}
}

func TestOsmAndJSON(t *testing.T) {
	const client = `{"location":{"timestamp":"2026-03-01T12:00:00.000Z","coords":{"latitude":59.3,"longitude":18.1,"accuracy":5,"speed":-1,"heading":-1,"altitude":20.5,"speed_accuracy":1},"is_moving":true,"odometer":120.5,"event":"motionchange","battery":{"level":0.42,"is_charging":false},"activity":{"type":"in_vehicle"},"extras":{}},"device_id":"48241179"}`
	device, m, err := OsmAndJSON([]byte(client))
	want := fixes(fleet.Fix{FixAt: noon, Lat: 59.3, Lon: 18.1, Accuracy: fleet.Some(5), Altitude: fleet.Some(20.5), Battery: fleet.Some(42), Trigger: "event",
		Ext: []byte(`{"is_moving":true,"odometer":120.5,"event":"motionchange","is_charging":false,"activity":{"type":"in_vehicle"},"extras":{}}`)})
	if diff := cmp.Diff(want, m, nearly); err != nil || device != "48241179" || diff != "" {
		t.Errorf("device %q, %v (-want +got):\n%s", device, err, diff)
	}
	for _, tt := range []struct{ payload, field string }{
		{`{"location":{}}`, "device_id"},
		{`{"device_id":"a b","location":{}}`, "device_id"},
		{`{"device_id":"a","location":[]}`, "location"},
		{`{"device_id":"a","location":{"coords":1}}`, "location.coords"},
		{`{"device_id":"a","location":{"coords":{"latitude":1,"longitude":2}}}`, "location.timestamp"},
		{`{"device_id":"a","location":{}}`, "location.coords.latitude"},
		{`{"device_id":"a","location":{"coords":{"latitude":1}}}`, "location.coords.longitude"},
		{`{"device_id":"a","location":{"coords":{"latitude":"1"}}}`, "location.coords.latitude"},
		{`[]`, "payload"},
	} {
		_, _, err := OsmAndJSON([]byte(tt.payload))
		wantField(t, "OsmAndJSON", tt.payload, err, tt.field)
	}
}

// soundMessage holds for everything that a decoder returns, whatever it was given.
func soundMessage(t *testing.T, m Message, err error) {
	t.Helper()
	if err != nil {
		var invalid *fleet.InvalidError
		if !errors.As(err, &invalid) || len(m.Fixes) > 0 || m.Health != nil {
			t.Fatalf("%v with %+v, want an InvalidError and nothing", err, m)
		}
		return
	}
	if (len(m.Fixes) == 0 && m.Health == nil) != (m.Ignored != "") {
		t.Fatalf("%+v: want a reason if and only if there is nothing", m)
	}
	for i := range m.Fixes {
		f := &m.Fixes[i]
		if err := f.Validate(); err != nil || math.IsNaN(f.Lat) {
			t.Fatalf("fix %d: %v", i, err)
		}
		if f.Ext != nil && !json.Valid(f.Ext) {
			t.Fatalf("ext %q is not JSON", f.Ext)
		}
	}
}

func FuzzOwnTracks(f *testing.F) {
	f.Add([]byte(`{"_type":"location","lat":59.3293,"lon":18.0686,"tst":1772366400,"vel":54,"cog":270,"t":"v"}`))
	f.Add([]byte(`{"_type":"transition","event":"enter","lat":12.34,"lon":44.5,"tst":1772366400}`))
	f.Add([]byte(`{"_type":"status","android":{"hib":0}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := OwnTracks(payload)
		soundMessage(t, m, err)
	})
}

func FuzzTeltonika(f *testing.F) {
	f.Add([]byte(`{"state":{"reported":{"ts":1772366400000,"pr":0,"latlng":"54.7146,25.3032","alt":112,"ang":201,"sat":13,"sp":72,"evt":0,"239":1}}}`))
	f.Add([]byte(`{"RSP":"x"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := Teltonika(payload)
		soundMessage(t, m, err)
	})
}

func FuzzThingsBoard(f *testing.F) {
	f.Add([]byte(`[{"ts":1772366400000,"values":{"latitude":1,"longitude":2,"speed":40}},{"lat":1,"long":2}]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := ThingsBoard(payload, noon)
		soundMessage(t, m, err)
	})
}

func FuzzFlespi(f *testing.F) {
	f.Add([]byte(`[{"timestamp":1772366400.25,"position.latitude":59.3,"position.longitude":18.1,"position.speed":36,"position.valid":true,"x":[1]}]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := Flespi(payload)
		soundMessage(t, m, err)
	})
}

func FuzzOsmAnd(f *testing.F) {
	f.Add("id=123456&lat=59.3&lon=18.1&timestamp=1772366400&speed=10&x=y", []byte(`{"location":{"timestamp":"2026-03-01T12:00:00Z","coords":{"latitude":59.3,"longitude":18.1},"battery":{"level":1}},"device_id":"1"}`))
	f.Fuzz(func(t *testing.T, query string, payload []byte) {
		if q, err := url.ParseQuery(query); err == nil {
			_, m, err := OsmAndQuery(q, noon)
			soundMessage(t, m, err)
		}
		_, m, err := OsmAndJSON(payload)
		soundMessage(t, m, err)
	})
}
