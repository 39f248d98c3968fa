package api

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dray-fleet/dray/fleet"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// fixes returns n positions of a driver, a minute apart.
func fixes(driver string, n int) []fleet.Position {
	all := make([]fleet.Position, n)
	for i := range all {
		all[i] = fleet.Position{Fleet: "acme", Driver: driver, ReceivedAt: noon, Fix: fleet.Fix{
			FixAt: noon.Add(time.Duration(i) * time.Minute), Lat: 59 + float64(i)/1000, Lon: 18 + math.Sin(float64(i)),
			Speed: fleet.Some(0), Source: "phone",
		}}
	}
	return all
}

func (s *server) save(b *fleet.Batch) {
	s.t.Helper()
	if _, err := s.store.SaveBatch(s.t.Context(), b); err != nil {
		s.t.Fatal(err)
	}
}

func TestSnapshot(t *testing.T) {
	s := serve(t)
	token := s.token("acme", fleet.RoleDispatcher, "dispo")
	s.save(&fleet.Batch{Latest: fixes("d1", 1), Positions: fixes("d1", 1)})
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d2"); err != nil {
		t.Fatal(err)
	}
	want := `{"items":[{"id":"d1","presence":{"state":"offline"},"position":{"fix_at":"2026-05-01T12:00:00.000Z","received_at":"2026-05-01T12:00:00.000Z",` +
		`"lat":59,"lon":18,"speed_mps":0,"source":"phone"},"flags":[]},` +
		`{"id":"d2","presence":{"state":"offline"},"position":null,"flags":[]}],"next":null}`
	if r := s.do("GET", "/drivers", token, nil); strings.TrimSpace(string(r.body)) != want {
		t.Errorf("GET /drivers =\n%s\nwant\n%s", r.body, want)
	}
	for box, found := range map[string]bool{"17,58,19,60": true, "19,58,20,60": false, "170,58,-170,60": false} {
		r := s.do("GET", "/drivers?bbox="+box, token, nil)
		if strings.Contains(string(r.body), `"d1"`) != found || strings.Contains(string(r.body), `"d2"`) {
			t.Errorf("GET /drivers?bbox=%s = %s", box, r.body)
		}
	}
}

func TestPagesHoldEveryDriverOnce(t *testing.T) {
	s := serve(t)
	token := s.token("acme", fleet.RoleDispatcher, "dispo")
	b := &fleet.Batch{}
	for i := range 25 {
		b.Latest = append(b.Latest, fixes(fmt.Sprintf("d%02d", i), 1)...)
	}
	s.save(b)
	var ids []string
	for cursor, pages := "", 0; pages < 10; pages++ {
		var p struct {
			Items []struct{ ID string }
			Next  *string
		}
		s.do("GET", "/drivers?limit=10&cursor="+cursor, token, nil).into(t, &p)
		for _, d := range p.Items {
			ids = append(ids, d.ID)
		}
		if p.Next == nil {
			break
		}
		cursor = *p.Next
	}
	if len(ids) != 25 || ids[0] != "d00" || ids[24] != "d24" {
		t.Errorf("the pages hold %v", ids)
	}
}

func TestTrackFormats(t *testing.T) {
	s := serve(t)
	token := s.token("acme", fleet.RoleDriver, "d1")
	s.save(&fleet.Batch{Positions: fixes("d1", 3)})
	get := func(query string) *answer {
		return s.do("GET", "/drivers/d1/track?from=2026-05-01T12:00:00Z&to=2026-05-01T12:02:00Z"+query, token, nil)
	}
	want := `{"driver":"d1","from":"2026-05-01T12:00:00.000Z","to":"2026-05-01T12:02:00.000Z","points":[` +
		`{"fix_at":"2026-05-01T12:00:00.000Z","lat":59,"lon":18,"speed_mps":0,"source":"phone"},` +
		`{"fix_at":"2026-05-01T12:01:00.000Z","lat":59.001,"lon":18.841471,"speed_mps":0,"source":"phone"}],"gaps":[],"thinned":0}`
	if r := get(""); string(r.body) != want {
		t.Errorf("as json =\n%s\nwant\n%s", r.body, want)
	}
	rows, err := csv.NewReader(strings.NewReader(string(get("&format=csv").body))).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][0] != "2026-05-01T12:00:00.000Z" || rows[1][4] != "0" || rows[1][5] != "" {
		t.Errorf("as csv = %v, %v", rows, err)
	}
	var gpx struct {
		Points []struct {
			Lat  float64   `xml:"lat,attr"`
			Time time.Time `xml:"time"`
		} `xml:"trk>trkseg>trkpt"`
	}
	if err := xml.Unmarshal(get("&format=gpx").body, &gpx); err != nil || len(gpx.Points) != 2 || gpx.Points[1].Lat != 59.001 || !gpx.Points[0].Time.Equal(noon) {
		t.Errorf("as gpx = %+v, %v", gpx, err)
	}
	var geo struct {
		Type     string
		Geometry struct {
			Type        string
			Coordinates [][]float64
		}
		Properties struct{ CoordTimes []time.Time }
	}
	get("&format=geojson").into(t, &geo)
	if geo.Type != "Feature" || geo.Geometry.Type != "LineString" || len(geo.Geometry.Coordinates) != 2 ||
		geo.Geometry.Coordinates[0][0] != 18 || len(geo.Properties.CoordTimes) != 2 {
		t.Errorf("as geojson = %+v", geo)
	}
}

func TestEmptyTracks(t *testing.T) {
	s := serve(t)
	token := s.token("acme", fleet.RoleDriver, "d1")
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]string{"json": `"points":[]`, "csv": "fix_at,lat", "gpx": "<trkseg>", "geojson": `"geometry":null,"properties":{"coordTimes":[],`} {
		r := s.do("GET", "/drivers/d1/track?format="+format, token, nil)
		if r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), want) {
			t.Errorf("an empty track as %s = %d %s", format, r.StatusCode, r.body)
		}
	}
}

func TestQuarantinedTrack(t *testing.T) {
	s := serve(t)
	token := s.token("acme", fleet.RoleDispatcher, "dispo")
	positions := fixes("d1", 3)
	far := positions[0]
	far.FixAt, far.Quarantined = time.Date(2198, 7, 1, 0, 0, 0, 0, time.UTC), true
	s.save(&fleet.Batch{Positions: append(positions, far)})
	s.expect("GET", "/drivers/d1/track?quarantined=true", token, "", http.StatusOK,
		`"points":[{"fix_at":"2198-07-01T00:00:00.000Z","lat":59,"lon":18,"speed_mps":0,"source":"phone","quarantined":true}],"gaps":[]`)
	s.expect("GET", "/drivers/d1/track?quarantined=true&from=2026-05-01T00:00:00Z&to=2026-05-02T00:00:00Z", token, "", http.StatusOK, `"points":[]`)
}

func TestTrackOfABadTime(t *testing.T) {
	s := serve(t)
	d1 := s.token("acme", fleet.RoleDriver, "d1")
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"from=yesterday":                                    "such as 2026-05-01T06:00:00.000Z",
		"to=2026-05-01T06:00:00+02:00":                      "a + is written %2B",
		"from=2026-05-01T06:00:00Z&to=2026-05-01T05:00:00Z": "query.from is after query.to",
		"from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z": "more than 31 days",
		"to=9999-01-01T00:00:00Z":                           "query.to must be between",
		"max_points=1":                                      "query.max_points",
		"format=kml":                                        "query.format",
	} {
		s.expect("GET", "/drivers/d1/track?"+query, d1, "", http.StatusUnprocessableEntity, want)
	}
	s.expect("GET", "/drivers/d1/track?to=2026-05-01T06:00:00%2B02:00", d1, "", http.StatusOK, `"to":"2026-05-01T04:00:00.000Z"`)
}

func TestTrackIsSimplified(t *testing.T) {
	s := serve(t)
	token := s.token("acme", fleet.RoleDispatcher, "dispo")
	s.save(&fleet.Batch{Positions: fixes("d1", 500)})
	var track struct{ Points []json.RawMessage }
	s.do("GET", "/drivers/d1/track?max_points=50&from=2026-05-01T00:00:00Z&to=2026-05-02T00:00:00Z", token, nil).into(t, &track)
	if len(track.Points) != 50 {
		t.Errorf("%d points, want 50", len(track.Points))
	}
}

// TestSimplifier draws random walks: the ends stay, the order stays, nothing is
// made up, and never more than max points are held.
func TestSimplifier(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(2, 20).Draw(t, "max")
		n := rapid.IntRange(0, 200).Draw(t, "n")
		s := &simplifier{max: limit, hold: limit + rapid.IntRange(0, 100).Draw(t, "hold")}
		var in []fleet.Position
		for i := range n {
			p := fleet.Position{Fix: fleet.Fix{
				FixAt: noon.Add(time.Duration(i) * time.Second),
				Lat:   rapid.Float64Range(-90, 90).Draw(t, "lat"), Lon: rapid.Float64Range(-180, 180).Draw(t, "lon"),
			}}
			in = append(in, p)
			s.add(&p)
			if held := s.byArea.Len() + 2; held > s.hold {
				t.Fatalf("%d points held, want at most %d", held, s.hold)
			}
		}
		var out []fleet.Position
		_ = s.each(func(p *fleet.Position) error { out = append(out, *p); return nil })
		if len(out) != min(n, limit) {
			t.Fatalf("%d of %d points left, want %d", len(out), n, min(n, limit))
		}
		next := 0
		for _, p := range out {
			for next < n && !in[next].FixAt.Equal(p.FixAt) {
				next++
			}
			if next == n || in[next].Lat != p.Lat || in[next].Lon != p.Lon {
				t.Fatalf("%v is not of the track, or out of order", p.FixAt)
			}
		}
		if n > 0 && (!out[0].FixAt.Equal(in[0].FixAt) || !out[len(out)-1].FixAt.Equal(in[n-1].FixAt)) {
			t.Fatal("an end of the track is gone")
		}
	})
}

// TestSimplifierKeepsCorners walks a square of 4 × 100 steps: 5 points say it all.
// A detour of one point is what a dispatcher looks for, however few points are
// asked for and however the road winds.
func TestSimplifierKeepsExtremes(t *testing.T) {
	for _, limit := range []int{3, 5, 50, 500} {
		s := &simplifier{max: limit, hold: 1000}
		for i := range 20_000 {
			p := fleet.Position{Fix: fleet.Fix{Lat: 50 + 0.01*math.Sin(float64(i)/9), Lon: 10 + float64(i)/1e5}}
			if i == 7_000 {
				p.Lat = 50.5
			}
			s.add(&p)
		}
		points, kept := 0, false
		_ = s.each(func(p *fleet.Position) error { points, kept = points+1, kept || p.Lat == 50.5; return nil })
		if points != limit || !kept {
			t.Errorf("%d points of %d, the detour kept: %v", points, limit, kept)
		}
	}
}

func TestSimplifierKeepsCorners(t *testing.T) {
	s := &simplifier{max: 5, hold: 20}
	corners := [][2]float64{{0, 0}, {0, 1}, {1, 1}, {1, 0}, {0, 0}}
	for side := range 4 {
		a, b := corners[side], corners[side+1]
		for i := range 100 {
			f := float64(i) / 100
			s.add(&fleet.Position{Fix: fleet.Fix{Lat: 10 + a[0] + f*(b[0]-a[0]), Lon: 10 + a[1] + f*(b[1]-a[1])}})
		}
	}
	s.add(&fleet.Position{Fix: fleet.Fix{Lat: 10, Lon: 10}})
	i := 0
	_ = s.each(func(p *fleet.Position) error {
		if want := corners[i]; math.Abs(p.Lat-10-want[0]) > 0.02 || math.Abs(p.Lon-10-want[1]) > 0.02 {
			t.Errorf("point %d is %.3f, %.3f, want the corner %v", i, p.Lat-10, p.Lon-10, want)
		}
		i++
		return nil
	})
}

func FuzzParseBox(f *testing.F) {
	for _, s := range []string{"17,58,19,60", "1,2,3", "NaN,0,0,0", "1e309,0,0,0", ",,,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		box, err := parseBox(s)
		if err == nil && (box.South > box.North || math.Abs(box.West) > 180 || math.Abs(box.East) > 180 || math.Abs(box.North) > 90) {
			t.Errorf("parseBox(%q) = %+v", s, box)
		}
	})
}

// BenchmarkSnapshot reads 50,000 drivers in pages of 1,000 over HTTP.
func BenchmarkSnapshot(b *testing.B) {
	s := serve(b)
	token := s.token("acme", fleet.RoleDispatcher, "dispo")
	batch := &fleet.Batch{}
	for i := range 50_000 {
		batch.Latest = append(batch.Latest, fixes(fmt.Sprintf("d%05d", i), 1)...)
	}
	s.save(batch)
	for b.Loop() {
		count := 0
		for cursor, more := "", true; more; {
			req, err := http.NewRequestWithContext(b.Context(), "GET", s.URL+prefix+"/drivers?limit=1000&cursor="+cursor, nil)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			var p struct {
				Items []json.RawMessage
				Next  *string
			}
			s.send(req).into(b, &p)
			count += len(p.Items)
			if more = p.Next != nil; more {
				cursor = *p.Next
			}
		}
		if count != 50_000 {
			b.Fatalf("%d drivers, want 50000", count)
		}
	}
}
