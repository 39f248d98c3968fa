package fleet

import "math"

// earth is its mean radius in metres (IUGG).
const earth = 6_371_008.8

// metresPerDegree of latitude.
const metresPerDegree = earth * math.Pi / 180

// An Area is a geofence made ready to be asked for many fixes. The sides of a
// polygon are straight on the map, across the antimeridian if that is shorter.
// An area that holds a pole is not one.
type Area struct {
	ID      string
	circle  *Circle
	ring    []Point // longitudes go on beyond 180 where it crosses the antimeridian
	box     Box     // likewise
	breadth float64 // metres, of the box's shorter side
}

// NewArea returns the area of g, which is valid.
func NewArea(g *Geofence) Area {
	if c := g.Circle; c != nil {
		lat := c.Radius / metresPerDegree
		lon := lat / math.Max(math.Cos(radians(c.Center.Lat)), 1e-9)
		return Area{ID: g.ID, circle: c, breadth: 2 * c.Radius,
			box: Box{West: c.Center.Lon - lon, South: c.Center.Lat - lat, East: c.Center.Lon + lon, North: c.Center.Lat + lat}}
	}
	a := Area{ID: g.ID, ring: make([]Point, len(g.Polygon))}
	lon := g.Polygon[0].Lon
	a.box = Box{West: lon, East: lon, South: 90, North: -90}
	for i, p := range g.Polygon {
		lon += turn(p.Lon - lon)
		a.ring[i] = Point{p.Lat, lon}
		a.box = Box{min(a.box.West, lon), min(a.box.South, p.Lat), max(a.box.East, lon), max(a.box.North, p.Lat)}
	}
	a.breadth = metresPerDegree * min(a.box.North-a.box.South, (a.box.East-a.box.West)*math.Cos(radians((a.box.North+a.box.South)/2)))
	return a
}

// turn returns the same direction between -180 and 180 degrees.
func turn(degrees float64) float64 { return math.Remainder(degrees, 360) }

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

// A Side is where a fix is, as far as its accuracy tells.
type Side int8

const (
	Outside Side = iota
	Border       // too near to the border to tell
	Inside
)

// assumedAccuracy, in metres, is that of a fix which does not tell its own.
const assumedAccuracy = 10

// Side returns where f is. It is inside when its place is, unless it is less
// accurate than the area is broad; outside when its whole circle of accuracy is.
// So a driver that stands at the border does not come and go with every fix.
func (a *Area) Side(f *Fix) Side {
	accuracy := float64(assumedAccuracy)
	if f.Accuracy.OK {
		accuracy = f.Accuracy.V
	}
	if a.beyond(f.Lat, f.Lon, accuracy) {
		return Outside
	}
	switch d := a.Distance(f.Lat, f.Lon); {
	case d > accuracy:
		return Outside
	case d <= 0 && accuracy <= a.breadth:
		return Inside
	}
	return Border
}

// beyond reports, in little time, that a place is farther than margin metres
// from the box. It may be so where it does not say so.
func (a *Area) beyond(lat, lon, margin float64) bool {
	up := margin / metresPerDegree
	if lat < a.box.South-up || lat > a.box.North+up {
		return true
	}
	shrink := math.Cos(radians(math.Min(math.Abs(lat)+up, 90)))
	if shrink < 0.01 {
		return false // near a pole
	}
	aside := up / shrink
	width := a.box.East - a.box.West + 2*aside
	return width < 360 && east(lon, a.box.West-aside) > width
}

// east returns how many degrees lon is east of from, 0 to 360.
func east(lon, from float64) float64 {
	d := math.Mod(lon-from, 360)
	if d < 0 {
		d += 360
	}
	return d
}

// Distance returns how many metres a place is from the border, less than 0
// inside. From a polygon it is exact only near by.
func (a *Area) Distance(lat, lon float64) float64 {
	if a.circle != nil {
		return Metres(a.circle.Center.Lat, a.circle.Center.Lon, lat, lon) - a.circle.Radius
	}
	d := math.Inf(1)
	shrink := math.Cos(radians(lat))
	for i, p := range a.ring {
		q := a.ring[(i+1)%len(a.ring)]
		x := turn(p.Lon - lon)
		d = min(d, segment(x*shrink, p.Lat-lat, (x+q.Lon-p.Lon)*shrink, q.Lat-lat))
	}
	if d *= metresPerDegree; a.contains(lat, lon) {
		return -d
	}
	return d
}

// contains counts the sides that a ray to the east crosses.
func (a *Area) contains(lat, lon float64) bool {
	lon = a.box.West + east(lon, a.box.West)
	odd := false
	for i, p := range a.ring {
		q := a.ring[(i+1)%len(a.ring)]
		if (p.Lat > lat) != (q.Lat > lat) && lon < p.Lon+(lat-p.Lat)/(q.Lat-p.Lat)*(q.Lon-p.Lon) {
			odd = !odd
		}
	}
	return odd
}

// segment returns how far the origin is from the line between two points.
func segment(x1, y1, x2, y2 float64) float64 {
	dx, dy := x2-x1, y2-y1
	t := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		t = math.Max(0, math.Min(1, -(x1*dx+y1*dy)/l))
	}
	return math.Hypot(x1+t*dx, y1+t*dy)
}
