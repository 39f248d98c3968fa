package codec

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const noonMS = "1772366400000"

// typical is what the driver PWA sends.
const typical = `{"fix_at":"2026-03-01T12:00:00.000Z","lat":59.329323,"lon":18.068581,"accuracy_m":5,"speed_mps":13.9,"heading_deg":271.5,"battery_pct":81,"boot":"k3j9","seq":1042,"source":"phone"}`

func TestLocation(t *testing.T) {
	full := fleet.Fix{
		FixAt: noon, SentAt: noon.Add(2 * time.Second), Lat: 59.329323, Lon: 18.068581,
		Accuracy: fleet.Some(5), Altitude: fleet.Some(-2.5), Speed: fleet.Some(0), Heading: fleet.Some(0), Battery: fleet.Some(100),
		Boot: "7", Seq: 12, HasSeq: true, Source: "obd", Trigger: "turn", Ext: []byte(`{"sat":9,"x":{"y":[1, 2]}}`),
	}
	bare := fleet.Fix{FixAt: noon, Lat: 1, Lon: 2}
	with := func(change func(f *fleet.Fix)) []fleet.Fix { f := bare; change(&f); return []fleet.Fix{f} }
	for _, tt := range []struct {
		name, payload string
		want          []fleet.Fix
	}{
		{"every key", `{"fix_at":"2026-03-01T13:00:00+01:00","sent_at":` + noonMS[:9] + `2000,"lat":59.329323,"lon":18.068581,"accuracy_m":5,
			"altitude_m":-2.5,"speed_mps":0,"heading_deg":360,"battery_pct":1e2,"boot":7,"seq":12,"source":"obd","trigger":"turn","sat":9,"x":{"y":[1, 2]}}`, []fleet.Fix{full}},
		{"only what is required", ` { "lat" : 1 , "lon" : 2 , "fix_at" : ` + noonMS + ` } `, []fleet.Fix{bare}},
		{"aliases", `{"timestamp":` + noonMS + `,"lat":1,"lng":2,"accuracy":3}`, with(func(f *fleet.Fix) { f.Accuracy = fleet.Some(3) })},
		{"null is absent", `{"fix_at":` + noonMS + `,"lat":1,"lon":2,"heading_deg":null,"boot":null,"seq":null,"source":null,"sent_at":null,"accuracy_m":null}`, []fleet.Fix{bare}},
		{"null, then its alias", `{"fix_at":null,"timestamp":` + noonMS + `,"lat":1,"lon":null,"lng":2}`, []fleet.Fix{bare}},
		{"an array", `[{"fix_at":` + noonMS + `,"lat":1,"lon":2},{"lat":1,"lon":2,"fix_at":` + noonMS + `}]`, []fleet.Fix{bare, bare}},
		{"nested", `{"driverId":"d1","location":{"lat":1,"lng":2,"accuracy":3},"timestamp":"2026-03-01T12:00:00Z"}`, with(func(f *fleet.Fix) { f.Accuracy = fleet.Some(3) })},
		{"nested with more", `{"driverId":"d1","location":{"lat":1,"lng":2,"speed_mps":4,"floor":2},"timestamp":` + noonMS + `,"floor":"x"}`,
			with(func(f *fleet.Fix) { f.Speed, f.Ext = fleet.Some(4), []byte(`{"location":{"floor":2},"floor":"x"}`) })},
		{"location that is a word", `{"location":"yard","fix_at":` + noonMS + `,"lat":1,"lon":2}`, with(func(f *fleet.Fix) { f.Ext = []byte(`{"location":"yard"}`) })},
		{"seq without boot", `{"fix_at":` + noonMS + `,"lat":1,"lon":2,"seq":3}`, with(func(f *fleet.Fix) { f.Ext = []byte(`{"seq":3}`) })},
		{"seq as text", `{"fix_at":` + noonMS + `,"lat":1,"lon":2,"seq":"3","boot":"b"}`, with(func(f *fleet.Fix) { f.Seq, f.HasSeq, f.Boot = 3, true, "b" })},
		{"escaped key", `{"fix_at":` + noonMS + `,"l\u0061t":1,"lon":2,"a\"b":"\ud83d\ude00"}`, with(func(f *fleet.Fix) { f.Ext = []byte(`{"a\"b":"\ud83d\ude00"}`) })},
		{"other letter case is another key", `{"fix_at":` + noonMS + `,"lat":1,"lon":2,"Lat":9}`, with(func(f *fleet.Fix) { f.Ext = []byte(`{"Lat":9}`) })},
		{"zero with accuracy", `{"fix_at":` + noonMS + `,"lat":0,"lon":-0.0,"accuracy":1}`, with(func(f *fleet.Fix) { f.Lat, f.Lon, f.Accuracy = 0, 0, fleet.Some(1) })},
		{"half milliseconds", `{"fix_at":1772366399999.6,"lat":1,"lon":2}`, []fleet.Fix{bare}},
		{"the corners", `[{"fix_at":` + noonMS + `,"lat":90,"lon":180}]`, with(func(f *fleet.Fix) { f.Lat, f.Lon = 90, 180 })},
	} {
		got, err := Location([]byte(tt.payload), "d1")
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLocationRefuses(t *testing.T) {
	fix := func(more string) string { return `{"fix_at":` + noonMS + `,"lat":1,"lon":2` + more + `}` }
	for _, tt := range []struct{ payload, field string }{
		{``, "payload"},
		{`null`, "payload"},
		{`"x"`, "payload"},
		{`12`, "payload"},
		{`[]`, "payload"},
		{`[1]`, "payload"},
		{`[[` + fix("") + `]]`, "payload"},
		{fix("") + `x`, "payload"},
		{fix("") + fix(""), "payload"},
		{`[` + fix("") + `,]`, "payload"},
		{fix(`,`), "payload"},
		{fix(`,"x":NaN`), "payload"},
		{fix(`,"x":Infinity`), "payload"},
		{fix(`,"x":01`), "payload"},
		{fix(`,"x":+1`), "payload"},
		{fix(`,"x":1.`), "payload"},
		{fix(`,"x":.5`), "payload"},
		{fix(`,"x":1e9999`), "payload"},
		{fix(`,"x":"` + "\x01" + `"`), "payload"},
		{fix(`,"x":"` + "\xff" + `"`), "payload"},
		{fix(`,"x":"\u0000"`), "payload"},
		{fix(`,"x":"\ud800"`), "payload"},
		{fix(`,"x":"\udc00\ud800"`), "payload"},
		{fix(`,"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20)), "payload"},
		{fix(`,"x":` + strings.Repeat(`{"a":`, 100000)), "payload"},
		{`{"lat":1,"lon":2}`, "fix_at"},
		{`{"fix_at":` + noonMS + `,"lon":2}`, "lat"},
		{`{"fix_at":` + noonMS + `,"lat":2}`, "lon"},
		{`{"fix_at":` + noonMS + `,"lat":null,"lon":2}`, "lat"},
		{`{"fix_at":"yesterday","lat":1,"lon":2}`, "fix_at"},
		{`{"fix_at":"2026-03-01 12:00:00","lat":1,"lon":2}`, "fix_at"},
		{`{"fix_at":true,"lat":1,"lon":2}`, "fix_at"},
		{`{"fix_at":1772366400,"lat":1,"lon":2}`, "fix_at"}, // seconds
		{`{"fix_at":1e300,"lat":1,"lon":2}`, "fix_at"},
		{`{"fix_at":` + noonMS + `,"lat":91,"lon":2}`, "lat"},
		{`{"fix_at":` + noonMS + `,"lat":-90.0001,"lon":2}`, "lat"},
		{`{"fix_at":` + noonMS + `,"lat":1,"lon":180.1}`, "lon"},
		{`{"fix_at":` + noonMS + `,"lat":"1","lon":2}`, "lat"},
		{`{"fix_at":` + noonMS + `,"lat":1e400,"lon":2}`, "lat"},
		{`{"fix_at":` + noonMS + `,"lat":0,"lon":0}`, "lat"},
		{fix(`,"lat":1`), "lat"},
		{fix(`,"lng":2`), "lon"},
		{fix(`,"timestamp":` + noonMS), "fix_at"},
		{fix(`,"accuracy":1,"accuracy_m":1`), "accuracy_m"},
		{fix(`,"x":1,"x":1`), "x"},
		{fix(`,"x":{"y":1,"y":1}`), "y"},
		{fix(`,"x":1,"\u0078":1`), "x"},
		{fix(`,"accuracy":-1`), "accuracy_m"},
		{fix(`,"speed_mps":-1`), "speed_mps"},
		{fix(`,"heading_deg":361`), "heading_deg"},
		{fix(`,"heading_deg":-1`), "heading_deg"},
		{fix(`,"battery_pct":101`), "battery_pct"},
		{fix(`,"sent_at":99999999999999`), "sent_at"},
		{fix(`,"boot":true`), "boot"},
		{fix(`,"boot":1.5`), "boot"},
		{fix(`,"boot":"` + strings.Repeat("x", 65) + `"`), "boot"},
		{fix(`,"seq":1.5,"boot":1`), "seq"},
		{fix(`,"seq":-1,"boot":1`), "seq"},
		{fix(`,"seq":9223372036854775808,"boot":1`), "seq"},
		{fix(`,"source":5`), "source"},
		{fix(`,"source":"` + strings.Repeat("x", 33) + `"`), "source"},
		{fix(`,"source":"a\u0001"`), "source"},
		{fix(`,"trigger":[]`), "trigger"},
		{fix(`,"x":"` + strings.Repeat("x", 5000) + `"`), "ext"},
		{fix(`,"driverId":"d2"`), "driverId"},
		{`{"driverId":"d2","location":{"lat":1,"lng":2},"timestamp":` + noonMS + `}`, "driverId"},
		{`{"driverId":1,"location":{"lat":1,"lng":2},"timestamp":` + noonMS + `}`, "driverId"},
		{`{"driverId":"d1","location":{"lat":1,"lng":2,"lon":2},"timestamp":` + noonMS + `}`, "lon"},
		{`{"driverId":"d1","location":{"lng":2},"timestamp":` + noonMS + `}`, "lat"},
		{`[` + fix("") + `,` + fix("") + `,{"fix_at":` + noonMS + `,"lat":91,"lon":2}]`, "[2].lat"},
		{`[` + fix("") + `,` + fix(`,"x":1,"x":2`) + `]`, "[1].x"},
		{`[` + strings.Repeat(fix("")+",", 500) + fix("") + `]`, "payload"},
	} {
		fixes, err := Location([]byte(tt.payload), "d1")
		var invalid *fleet.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != tt.field || fixes != nil {
			t.Errorf("Location(%.120s) = %v, %v, want an InvalidError of %s", tt.payload, fixes, err, tt.field)
		}
	}
}

func TestLocationTakes500(t *testing.T) {
	fixes, err := Location([]byte("["+strings.Repeat(typical+",", MaxFixes-1)+typical+"]"), "d1")
	if err != nil || len(fixes) != MaxFixes {
		t.Errorf("%d fixes, %v", len(fixes), err)
	}
}

// oracle decodes a flat fix the plain way.
type oracle struct {
	FixAt    json.RawMessage `json:"fix_at"`
	Lat      *float64        `json:"lat"`
	Lon      *float64        `json:"lon"`
	Accuracy *float64        `json:"accuracy_m"`
	Speed    *float64        `json:"speed_mps"`
	Heading  *float64        `json:"heading_deg"`
	Source   *string         `json:"source"`
}

// FuzzLocation holds the scanner to encoding/json: what it lets through is
// JSON that says the same there, the fixes are valid, ext is JSON, and nothing
// panics.
func FuzzLocation(f *testing.F) {
	f.Add([]byte(typical))
	f.Add([]byte(`[` + typical + `,` + typical + `]`))
	f.Add([]byte(`{"driverId":"d1","location":{"lat":1,"lng":2,"accuracy":3},"timestamp":1772366400000,"x":{"a":[true,false,null,-1.5e3]}}`))
	f.Add([]byte(`{"fix_at":1772366400000,"l\u0061t":1,"lon":2,"\ud83d\ude00":"\/"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		fixes, err := Location(payload, "d1")
		if err != nil {
			var invalid *fleet.InvalidError
			if !errors.As(err, &invalid) || fixes != nil {
				t.Fatalf("%v with %d fixes, want an InvalidError and none", err, len(fixes))
			}
			return
		}
		if !json.Valid(payload) {
			t.Fatalf("took %q, which is not JSON", payload)
		}
		for i := range fixes {
			if err := fixes[i].Validate(); err != nil {
				t.Fatalf("fix %d: %v", i, err)
			}
			if fixes[i].Ext != nil && !json.Valid(fixes[i].Ext) {
				t.Fatalf("ext %q is not JSON", fixes[i].Ext)
			}
		}
		agree(t, payload, &fixes[0])
	})
}

func agree(t *testing.T, payload []byte, got *fleet.Fix) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(payload, &keys) != nil {
		return // an array
	}
	for key := range keys { // encoding/json takes keys in any letter case, and null after a value
		switch strings.ToLower(key) {
		case key:
		default:
			return
		}
	}
	var want oracle
	if json.Unmarshal(payload, &want) != nil || want.Lat == nil || want.Lon == nil {
		return // nested, or under the aliases
	}
	heading := fleet.OptOf(want.Heading)
	if heading.V == 360 {
		heading.V = 0
	}
	if *want.Lat != got.Lat || *want.Lon != got.Lon || heading != got.Heading ||
		want.Accuracy != nil && fleet.OptOf(want.Accuracy) != got.Accuracy ||
		fleet.OptOf(want.Speed) != got.Speed || want.Source != nil && *want.Source != got.Source {
		t.Fatalf("%s: got %+v, encoding/json reads %+v", payload, got, want)
	}
}

func BenchmarkLocationStdlib(b *testing.B) {
	payload := []byte(typical)
	b.ReportAllocs()
	for b.Loop() {
		var o oracle
		if err := json.Unmarshal(payload, &o); err != nil {
			b.Fatal(err)
		}
	}
}
