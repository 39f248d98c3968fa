package api

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"reflect"
	"strconv"

	"github.com/dray-fleet/dray/fleet"
)

var trackType = reflect.TypeFor[Track]()

// A trackEncoder writes one track: its points in order, then close.
type trackEncoder interface {
	point(p *fleet.Position) error
	close() error
}

var trackFormats = map[string]struct {
	contentType string
	maxPoints   int // 0 is no limit: the format is written in constant memory
	open        func(out *bufio.Writer, t Track) trackEncoder
}{
	"json":    {"application/json", 0, func(out *bufio.Writer, t Track) trackEncoder { return &jsonTrack{out: out, track: t} }},
	"geojson": {"application/geo+json", maxPoints, func(out *bufio.Writer, t Track) trackEncoder { return &geoTrack{out: out, track: t, times: []stamp{}} }},
	"gpx":     {"application/gpx+xml", 0, func(out *bufio.Writer, t Track) trackEncoder { return &gpxTrack{out: out, track: t} }},
	"csv":     {"text/csv; charset=utf-8", 0, func(out *bufio.Writer, t Track) trackEncoder { return &csvTrack{out: csv.NewWriter(out)} }},
}

// jsonTrack writes a Track with its points one by one.
type jsonTrack struct {
	out   *bufio.Writer
	track Track
	begun bool
}

func (e *jsonTrack) begin() {
	if e.begun {
		e.out.WriteByte(',') // a bufio.Writer keeps its first error
		return
	}
	e.begun = true
	head, _ := json.Marshal(struct { // strings and times cannot fail
		Driver string `json:"driver"`
		From   stamp  `json:"from"`
		To     stamp  `json:"to"`
	}{e.track.Driver, e.track.From, e.track.To})
	e.out.Write(head[:len(head)-1])
	e.out.WriteString(`,"points":[`)
}

func (e *jsonTrack) point(p *fleet.Position) error {
	e.begin()
	data, err := json.Marshal(TrackPoint{at(p.FixAt), p.Lat, p.Lon, p.Speed.Ptr(), p.Heading.Ptr(), p.Accuracy.Ptr(), p.Source, p.Quarantined})
	if err != nil {
		return err
	}
	_, err = e.out.Write(data)
	return err
}

func (e *jsonTrack) close() error {
	if !e.begun {
		e.begin()
	}
	tail, err := json.Marshal(struct {
		Gaps    []Gap `json:"gaps"`
		Thinned int64 `json:"thinned"`
	}{e.track.Gaps, e.track.Thinned})
	if err != nil {
		return err
	}
	e.out.WriteString("],")
	_, err = e.out.Write(tail[1:])
	return err
}

// geoTrack writes one GeoJSON Feature (RFC 7946): a LineString, with the times
// of its points in coordTimes as the converters of GPX do. A track that
// crosses the antimeridian is not cut.
type geoTrack struct {
	out    *bufio.Writer
	track  Track
	coords [][]float64
	times  []stamp
}

func (e *geoTrack) point(p *fleet.Position) error {
	c := []float64{p.Lon, p.Lat}
	if p.Altitude.OK {
		c = append(c, p.Altitude.V)
	}
	e.coords, e.times = append(e.coords, c), append(e.times, at(p.FixAt))
	return nil
}

func (e *geoTrack) close() error {
	type geometry struct {
		Type        string `json:"type"`
		Coordinates any    `json:"coordinates"`
	}
	var g *geometry // a LineString has at least two points
	switch len(e.coords) {
	case 0:
	case 1:
		g = &geometry{"Point", e.coords[0]}
	default:
		g = &geometry{"LineString", e.coords}
	}
	return json.NewEncoder(e.out).Encode(map[string]any{
		"type": "Feature", "geometry": g,
		"properties": map[string]any{"driver": e.track.Driver, "from": e.track.From, "to": e.track.To, "coordTimes": e.times},
	})
}

// gpxTrack writes GPX 1.1 (topografix.com/GPX/1/1).
type gpxTrack struct {
	out   *bufio.Writer
	track Track
	begun bool
}

func (e *gpxTrack) begin() {
	if e.begun {
		return
	}
	e.begun = true
	e.out.WriteString(xml.Header + `<gpx version="1.1" creator="dray" xmlns="http://www.topografix.com/GPX/1/1"><trk><name>`)
	_ = xml.EscapeText(e.out, []byte(e.track.Driver)) // a bufio.Writer keeps its first error
	e.out.WriteString("</name><trkseg>\n")
}

func (e *gpxTrack) point(p *fleet.Position) error {
	e.begin()
	e.out.WriteString(`<trkpt lat="` + number(p.Lat) + `" lon="` + number(p.Lon) + `">`)
	if p.Altitude.OK {
		e.out.WriteString("<ele>" + number(p.Altitude.V) + "</ele>")
	}
	_, err := e.out.WriteString("<time>" + p.FixAt.UTC().Format(stampFormat) + "</time></trkpt>\n")
	return err
}

func (e *gpxTrack) close() error {
	e.begin()
	_, err := io.WriteString(e.out, "</trkseg></trk></gpx>\n")
	return err
}

// csvTrack writes RFC 4180 with a header line; absent values are empty.
type csvTrack struct {
	out   *csv.Writer
	begun bool
}

func (e *csvTrack) begin() {
	if !e.begun {
		e.begun = true
		_ = e.out.Write([]string{"fix_at", "lat", "lon", "altitude_m", "speed_mps", "heading_deg", "accuracy_m", "battery_pct", "source"})
	}
}

func (e *csvTrack) point(p *fleet.Position) error {
	e.begin()
	return e.out.Write([]string{p.FixAt.UTC().Format(stampFormat), number(p.Lat), number(p.Lon), optional(p.Altitude),
		optional(p.Speed), optional(p.Heading), optional(p.Accuracy), optional(p.Battery), p.Source})
}

func (e *csvTrack) close() error {
	e.begin()
	e.out.Flush()
	return e.out.Error()
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func optional(o fleet.Opt) string {
	if !o.OK {
		return ""
	}
	return number(o.V)
}
