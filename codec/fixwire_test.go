package codec

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dray-fleet/dray/fleet"
)

func anyFix(t *rapid.T) fleet.Fix {
	opt := func(name string, low, high float64) fleet.Opt {
		if !rapid.Bool().Draw(t, "has "+name) {
			return fleet.Opt{}
		}
		return fleet.Some(rapid.Float64Range(low, high).Draw(t, name))
	}
	at := func(name string) time.Time {
		return time.UnixMilli(rapid.Int64Range(946684800e3, 4102444800e3).Draw(t, name)).UTC() // as payloads are read
	}
	text := rapid.StringMatching(`[a-z"é<]{0,12}`)
	f := fleet.Fix{
		FixAt: at("fix_at"), Lat: rapid.Float64Range(-90, 90).Draw(t, "lat"), Lon: rapid.Float64Range(-180, 180).Draw(t, "lon"),
		Accuracy: opt("accuracy", 0, 1e6), Altitude: opt("altitude", -1e4, 1e4), Speed: opt("speed", 0, 1e3),
		Heading: opt("heading", 0, 359), Battery: opt("battery", 0, 100),
		Boot: text.Draw(t, "boot"), Source: text.Draw(t, "source"), Trigger: text.Draw(t, "trigger"),
	}
	if f.Lat == 0 && f.Lon == 0 {
		f.Lat = 1 // exactly (0, 0) is no fix
	}
	if rapid.Bool().Draw(t, "has sent_at") {
		f.SentAt = at("sent_at")
	}
	if f.Boot != "" && rapid.Bool().Draw(t, "has seq") {
		f.Seq, f.HasSeq = rapid.Int64Range(0, math.MaxInt64).Draw(t, "seq"), true
	}
	if rapid.Bool().Draw(t, "has ext") {
		f.Ext = []byte(`{"x":[1,"two"],"y":null}`)
	}
	return f
}

// What is written in binary, or as JSON, is read back as it was.
func TestFixesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fixes := rapid.SliceOfN(rapid.Custom(anyFix), 1, 5).Draw(t, "fixes")
		got, err := Fixes(AppendFixes([]byte("before"), fixes)[len("before"):])
		if diff := cmp.Diff(fixes, got); err != nil || diff != "" {
			t.Fatalf("binary: error %v, difference (-want +got):\n%s", err, diff)
		}
		equalGlances(t, fixes, AppendFixes(nil, fixes))
		body := AppendLocation(nil, fixes)
		got, err = Location(body, "d1")
		if diff := cmp.Diff(fixes, got); err != nil || diff != "" {
			t.Fatalf("%s: error %v, difference (-want +got):\n%s", body, err, diff)
		}
	})
}

// equalGlances holds a glance at each fix against the fix.
func equalGlances(t *rapid.T, fixes []fleet.Fix, wire []byte) {
	glances, err := Glances(nil, wire)
	if err != nil || len(glances) != len(fixes) {
		t.Fatalf("%d glances at %d fixes, error %v", len(glances), len(fixes), err)
	}
	for i := range glances {
		g, f := &glances[i], fixes[i]
		if diff := cmp.Diff(f, g.Fix()); diff != "" {
			t.Fatalf("the whole fix (-want +got):\n%s", diff)
		}
		sent := int64(0)
		if !f.SentAt.IsZero() {
			sent = f.SentAt.UnixMicro()
		}
		if g.FixAt != f.FixAt.UnixMicro() || g.SentAt != sent || g.Speed != f.Speed || g.Heading != f.Heading ||
			string(g.Boot) != f.Boot || string(g.Source) != f.Source || g.Seq != f.Seq || g.HasSeq != f.HasSeq {
			t.Fatalf("the glance %+v is not at %+v", g, f)
		}
	}
}

// A frame that is cut anywhere is an error, never other fixes.
func TestFixesCutShort(t *testing.T) {
	whole := AppendFixes(nil, []fleet.Fix{{FixAt: time.UnixMilli(1).UTC(), Lat: 1, Lon: 2, Boot: "b", HasSeq: true, Speed: fleet.Some(3)}})
	for n := range whole {
		if got, err := Fixes(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes read as %v", n, len(whole), got)
		}
		if got, err := Glances(nil, whole[:n]); err == nil || len(got) > 0 {
			t.Errorf("the first %d of %d bytes are glanced at as %v", n, len(whole), got)
		}
	}
	if _, err := Fixes(append(whole, 0)); err == nil {
		t.Error("bytes behind the last fix are accepted")
	}
}

func FuzzFixes(f *testing.F) {
	f.Add(AppendFixes(nil, []fleet.Fix{{FixAt: time.UnixMilli(1).UTC(), Lat: 1, Lon: 2, Ext: []byte(`{"a":1}`)}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		fixes, err := Fixes(b)
		if glances, err2 := Glances(nil, b); len(glances) != len(fixes) || (err == nil) != (err2 == nil) {
			t.Errorf("%d fixes, error %v, and %d glances, error %v", len(fixes), err, len(glances), err2)
		}
		if err != nil {
			return
		}
		if again, err := Fixes(AppendFixes(nil, fixes)); err != nil || len(again) != len(fixes) {
			t.Errorf("read, written and read again: error %v", err)
		}
	})
}

func BenchmarkFixesRoundTrip(b *testing.B) {
	fixes := []fleet.Fix{{FixAt: time.UnixMilli(1).UTC(), Lat: 52.5, Lon: 13.4, Speed: fleet.Some(3), Heading: fleet.Some(90), Accuracy: fleet.Some(5), Boot: "abcdefgh", HasSeq: true, Seq: 77}}
	var buf []byte
	for b.Loop() {
		buf = AppendFixes(buf[:0], fixes)
		if _, err := Fixes(buf); err != nil {
			b.Fatal(err)
		}
	}
}
