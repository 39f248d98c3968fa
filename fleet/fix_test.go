package fleet

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestFixValidate(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name   string
		change func(f *Fix)
		field  string // empty is valid
	}{
		{"as it is", func(*Fix) {}, ""},
		{"no time", func(f *Fix) { f.FixAt = time.Time{} }, "fix_at"},
		{"clock never set", func(f *Fix) { f.FixAt = time.Unix(0, 0) }, "fix_at"},
		{"after 2200", func(f *Fix) { f.FixAt = noon.AddDate(200, 0, 0) }, "fix_at"},
		{"lat 90", func(f *Fix) { f.Lat = 90 }, ""},
		{"lat 91", func(f *Fix) { f.Lat = 91 }, "lat"},
		{"lat NaN", func(f *Fix) { f.Lat = nan }, "lat"},
		{"lon -180", func(f *Fix) { f.Lon = -180 }, ""},
		{"lon 181", func(f *Fix) { f.Lon = 181 }, "lon"},
		{"lon infinite", func(f *Fix) { f.Lon = math.Inf(1) }, "lon"},
		{"0,0", func(f *Fix) { f.Lat, f.Lon = 0, 0 }, "lat"},
		{"0,0 with accuracy", func(f *Fix) { f.Lat, f.Lon, f.Accuracy = 0, 0, Some(0) }, ""},
		{"on the equator", func(f *Fix) { f.Lat = 0 }, ""},
		{"accuracy < 0", func(f *Fix) { f.Accuracy = Some(-1) }, "accuracy_m"},
		{"accuracy NaN", func(f *Fix) { f.Accuracy = Some(nan) }, "accuracy_m"},
		{"altitude below the sea", func(f *Fix) { f.Altitude = Some(-400) }, ""},
		{"altitude infinite", func(f *Fix) { f.Altitude = Some(math.Inf(-1)) }, "altitude_m"},
		{"speed < 0", func(f *Fix) { f.Speed = Some(-0.1) }, "speed_mps"},
		{"heading 359.9", func(f *Fix) { f.Heading = Some(359.9) }, ""},
		{"heading 360.1", func(f *Fix) { f.Heading = Some(360.1) }, "heading_deg"},
		{"battery 101", func(f *Fix) { f.Battery = Some(101) }, "battery_pct"},
		{"long boot", func(f *Fix) { f.Boot = strings.Repeat("x", MaxBoot+1) }, "boot"},
		{"negative seq", func(f *Fix) { f.Seq, f.HasSeq = -1, true }, "seq"},
		{"long source", func(f *Fix) { f.Source = strings.Repeat("x", MaxSource+1) }, "source"},
		{"source with NUL", func(f *Fix) { f.Source = "a\x00" }, "source"},
		{"long trigger", func(f *Fix) { f.Trigger = strings.Repeat("x", MaxTrigger+1) }, "trigger"},
		{"large ext", func(f *Fix) { f.Ext = make([]byte, MaxExt+1) }, "ext"},
	} {
		f := Fix{FixAt: noon, Lat: 59, Lon: 18}
		tt.change(&f)
		err := f.Validate()
		var invalid *InvalidError
		if tt.field == "" && err != nil || tt.field != "" && (!errors.As(err, &invalid) || invalid.Field != tt.field) {
			t.Errorf("%s: Validate = %v, want field %q", tt.name, err, tt.field)
		}
	}
	f := Fix{FixAt: noon, Lat: 59, Lon: 18, Heading: Some(360)}
	if err := f.Validate(); err != nil || f.Heading != Some(0) {
		t.Errorf("heading 360 reads as %v, %v, want 0", f.Heading, err)
	}
}

func TestOptJSON(t *testing.T) {
	type pair struct {
		A Opt `json:"a"`
		B Opt `json:"b,omitzero"`
	}
	for _, tt := range []struct {
		v    pair
		want string
	}{
		{pair{}, `{"a":null}`},
		{pair{Some(0), Some(0)}, `{"a":0,"b":0}`},
		{pair{Some(-2.5), Some(1e21)}, `{"a":-2.5,"b":1000000000000000000000}`},
	} {
		b, err := json.Marshal(tt.v)
		if err != nil || string(b) != tt.want {
			t.Errorf("Marshal(%+v) = %s, %v, want %s", tt.v, b, err, tt.want)
		}
		var back pair
		if err := json.Unmarshal(b, &back); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(tt.v, back); diff != "" {
			t.Errorf("round trip (-want +got):\n%s", diff)
		}
	}
	if b, err := json.Marshal(Some(math.NaN())); err != nil || string(b) != "null" {
		t.Errorf("Marshal(NaN) = %s, %v, want null", b, err)
	}
	if err := new(Opt).UnmarshalJSON([]byte(`"1"`)); err == nil {
		t.Error("a string was read as a measurement")
	}
	if p := OptOf(nil).Ptr(); p != nil {
		t.Error("absent has a pointer")
	}
	if v := 3.0; *OptOf(&v).Ptr() != 3 {
		t.Error("OptOf and Ptr are not inverse")
	}
}

func TestBoxContains(t *testing.T) {
	europe, pacific := Box{-10, 35, 30, 70}, Box{170, -20, -170, 20}
	for _, tt := range []struct {
		box      Box
		lat, lon float64
		want     bool
	}{
		{europe, 59, 18, true}, {europe, 35, -10, true}, {europe, 34.9, 18, false}, {europe, 59, 31, false},
		{pacific, 0, 175, true}, {pacific, 0, -175, true}, {pacific, 0, 0, false}, {pacific, 21, 175, false},
	} {
		if got := tt.box.Contains(tt.lat, tt.lon); got != tt.want {
			t.Errorf("%v.Contains(%v, %v) = %v, want %v", tt.box, tt.lat, tt.lon, got, tt.want)
		}
	}
}
