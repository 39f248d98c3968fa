package fleet

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// away returns the place d metres from p in the direction of bearing, degrees.
func away(p Point, bearing, d float64) Point {
	lat, lon, b, a := radians(p.Lat), radians(p.Lon), radians(bearing), d/earth
	to := math.Asin(math.Sin(lat)*math.Cos(a) + math.Cos(lat)*math.Sin(a)*math.Cos(b))
	east := math.Atan2(math.Sin(b)*math.Sin(a)*math.Cos(lat), math.Cos(a)-math.Sin(lat)*math.Sin(to))
	return Point{to * 180 / math.Pi, turn((lon + east) * 180 / math.Pi)}
}

func drawPoint(t *rapid.T) Point {
	return Point{rapid.Float64Range(-75, 75).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon")}
}

func side(a *Area, p Point, accuracy float64) Side {
	return a.Side(&Fix{Lat: p.Lat, Lon: p.Lon, Accuracy: Some(accuracy)})
}

func TestCircle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		center, r := drawPoint(t), rapid.Float64Range(20, 50_000).Draw(t, "radius")
		a := NewArea(&Geofence{Circle: &Circle{center, r}})
		bearing := rapid.Float64Range(0, 360).Draw(t, "bearing")
		for _, k := range []float64{0, 0.5, 0.99} {
			if got := side(&a, away(center, bearing, k*r), r/4); got != Inside {
				t.Fatalf("%v of the radius away: side %d", k, got)
			}
		}
		if got := side(&a, away(center, bearing, 1.1*r), r/4); got != Border {
			t.Fatalf("outside, but less than the accuracy: side %d", got)
		}
		for _, k := range []float64{1.3, 3, 50} {
			if got := side(&a, away(center, bearing, k*r), r/4); got != Outside {
				t.Fatalf("%v of the radius away: side %d", k, got)
			}
		}
		if got := side(&a, center, 2.1*r); got != Border {
			t.Fatalf("a fix less accurate than the area is broad: side %d", got)
		}
	})
}

// star returns a polygon around c, every corner at a distance of its own, and
// those distances.
func star(t *rapid.T, c Point) (polygon []Point, far []float64) {
	n := rapid.IntRange(3, 12).Draw(t, "corners")
	for i := range n {
		far = append(far, rapid.Float64Range(500, 2000).Draw(t, "far"))
		polygon = append(polygon, away(c, 360*float64(i)/float64(n), far[i]))
	}
	return polygon, far
}

func TestPolygon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawPoint(t)
		polygon, far := star(t, c)
		i := rapid.IntRange(0, len(polygon)-1).Draw(t, "corner")
		bearing := 360 * float64(i) / float64(len(polygon))
		inside, outside := away(c, bearing, 0.9*far[i]), away(c, bearing, far[i]+2100)
		same := slices.Clone(polygon)
		if rapid.Bool().Draw(t, "the other way round") {
			slices.Reverse(same)
		}
		k := rapid.IntRange(0, len(same)-1).Draw(t, "begin")
		same = append(same[k:], same[:k]...)
		for _, polygon := range [][]Point{polygon, same} {
			a := NewArea(&Geofence{Polygon: polygon})
			if d := a.Distance(inside.Lat, inside.Lon); d >= 0 || d < -0.11*far[i] {
				t.Fatalf("a place inside is %v m from the border", d)
			}
			if got := side(&a, outside, 20); got != Outside {
				t.Fatalf("a place outside: side %d", got)
			}
			// The corner is as near as that; nothing of the polygon is farther than 2,000 m from its middle.
			if d := a.Distance(outside.Lat, outside.Lon); d > 2120 || d < far[i]+50 {
				t.Fatalf("a place 2,100 m beyond a corner is %v m from the border", d)
			}
		}
	})
}

// The box is only there to save time.
func TestAreaBox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawPoint(t)
		g := Geofence{Circle: &Circle{c, rapid.Float64Range(10, 3000).Draw(t, "radius")}}
		if rapid.Bool().Draw(t, "polygon") {
			g.Circle = nil
			g.Polygon, _ = star(t, c)
		}
		a := NewArea(&g)
		p := away(c, rapid.Float64Range(0, 360).Draw(t, "bearing"), rapid.Float64Range(0, 6000).Draw(t, "far"))
		accuracy := rapid.Float64Range(0, 500).Draw(t, "accuracy")
		if a.beyond(p.Lat, p.Lon, accuracy) && a.Distance(p.Lat, p.Lon) < accuracy*0.99 {
			t.Fatalf("%v m from the border is taken for beyond its box", a.Distance(p.Lat, p.Lon))
		}
	})
}

func TestAntimeridian(t *testing.T) {
	fiji := NewArea(&Geofence{Polygon: []Point{{-16, 179}, {-16, -179}, {-18, -179}, {-18, 179}}})
	for _, tt := range []struct {
		p    Point
		want Side
	}{
		{Point{-17, 179.5}, Inside}, {Point{-17, -179.5}, Inside}, {Point{-17, 180}, Inside}, {Point{-17, -180}, Inside},
		{Point{-17, 178.5}, Outside}, {Point{-17, -178.5}, Outside}, {Point{-17, 0}, Outside}, {Point{-19, 180}, Outside},
	} {
		if got := side(&fiji, tt.p, 10); got != tt.want {
			t.Errorf("%v: side %d, want %d", tt.p, got, tt.want)
		}
	}
}
