package codec

import (
	"strings"
	"testing"

	"github.com/dray-fleet/dray/fleet"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// scanned reads b as the scanner does.
func scanned(b []byte) (fix fleet.Fix, err error) {
	s, err := begin(b)
	if err == nil {
		err = nativeFix(&s, 1, "d1", &fix)
	}
	if err == nil {
		err = s.end()
	}
	return fix, err
}

func TestQuickFixTakesWhatPhonesSend(t *testing.T) {
	for _, payload := range []string{
		typical,
		strings.Replace(typical, "271.5", "null", 1),
		strings.Replace(typical, "59.329323", "59.32932300000001", 1),
		`{"fix_at":1777615200250,"lat":-33.9,"lon":-0,"accuracy":4.5}`,
		` { "timestamp" : 1777615200250 , "lat" : 1 , "lng" : 2 , "trigger" : "turn" }`,
	} {
		var got fleet.Fix
		if n := quickFix([]byte(payload), &got); n != len(payload) {
			t.Errorf("%s: took %d bytes", payload, n)
			continue
		}
		want, err := scanned([]byte(payload))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-scanner +quick):\n%s", payload, err, diff)
		}
	}
}

// What quickFix takes, the scanner reads the same.
func sameAsScanner(t interface{ Fatalf(string, ...any) }, b []byte) {
	got := fleet.Fix{Boot: "k3j9", Source: "obd", Ext: []byte("{}"), Seq: 7, HasSeq: true}
	n := quickFix(b, &got)
	if n == 0 {
		return
	}
	want, err := scanned(b[:n])
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%q: %v (-scanner +quick):\n%s", b[:n], err, diff)
	}
}

func TestQuickFixIsTheScanners(t *testing.T) {
	key := rapid.SampledFrom([]string{"fix_at", "timestamp", "sent_at", "lat", "lon", "lng", "accuracy_m", "accuracy", "altitude_m",
		"speed_mps", "heading_deg", "battery_pct", "boot", "seq", "source", "trigger", "x"})
	value := rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?(e[0-9])?`),
		rapid.StringMatching(`[0-9]{1,14}`),
		rapid.Just("1777615200250"),
		rapid.StringMatching(`"[a-z0-9\\ü]{0,66}"`),
		rapid.Just(`"2026-03-01T12:00:00.5Z"`),
		rapid.SampledFrom([]string{"null", "true", "nul", "{}", "[1]", `""`, "-", "1.", "01"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString(`{"fix_at":1777615200250,"lat":` + value.Draw(t, "lat") + `,"lon":2`)
		for range rapid.IntRange(0, 4).Draw(t, "keys") {
			b.WriteString(`,"` + key.Draw(t, "key") + `":` + value.Draw(t, "value"))
		}
		b.WriteString("}")
		sameAsScanner(t, []byte(b.String()))
	})
}

func FuzzQuickFix(f *testing.F) {
	f.Add([]byte(typical))
	f.Add([]byte(`{"fix_at":1777615200250,"lat":-1.5,"lon":0,"boot":"b","seq":3}`))
	f.Fuzz(func(t *testing.T, b []byte) { sameAsScanner(t, b) })
}

func BenchmarkLocation(b *testing.B) {
	fixes := make([]fleet.Fix, 0, 1)
	payload := []byte(typical)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if fixes, err = LocationInto(fixes[:0], payload, "d1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLocationScanned(b *testing.B) {
	payload := []byte(typical)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scanned(payload); err != nil {
			b.Fatal(err)
		}
	}
}
