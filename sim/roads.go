package sim

import (
	"math"
	"math/rand/v2"
)

// A network is streets as a graph: junctions in metres east and north of the
// city's centre, and the streets that leave each.
type network struct {
	at      []point
	streets [][]street
}

type point struct{ x, y float64 }

func (p point) to(q point) (distance, bearing float64) {
	return math.Hypot(q.x-p.x, q.y-p.y), math.Atan2(q.x-p.x, q.y-p.y)
}

type street struct {
	end     int     // junction
	length  float64 // metres
	bearing float64 // radians clockwise from north
	limit   float64 // m/s
}

// Speed limits in m/s: 36 and 58 km/h.
const (
	sideStreet = 10.0
	mainStreet = 16.0
)

func newNetwork(c city, rng *rand.Rand) *network {
	n := &network{}
	if c.rings {
		n.layRings(c, rng)
	} else {
		n.layGrid(c, rng)
	}
	return n
}

// layGrid lays blocks of about 220 m, every fourth street a main one. One side
// street in ten is missing, so that routes bend.
func (n *network) layGrid(c city, rng *rand.Rand) {
	const block = 220.0
	half := int(c.radius / block)
	sin, cos := math.Sincos(c.turn * math.Pi / 180)
	index := map[[2]int]int{}
	for i := -half; i <= half; i++ {
		for j := -half; j <= half; j++ {
			x, y := float64(i)*block+jitter(rng, 20), float64(j)*block+jitter(rng, 20)
			if math.Hypot(x, y) <= c.radius {
				index[[2]int{i, j}] = n.junction(point{x*cos + y*sin, y*cos - x*sin})
			}
		}
	}
	connect := func(from int, neighbour [2]int, line int) {
		to, ok := index[neighbour]
		if main := line%4 == 0; ok && (main || rng.IntN(10) > 0) {
			n.connect(from, to, main)
		}
	}
	for i := -half; i <= half; i++ { // in order, for the same seed must give the same streets
		for j := -half; j <= half; j++ {
			if from, ok := index[[2]int{i, j}]; ok {
				connect(from, [2]int{i + 1, j}, j)
				connect(from, [2]int{i, j + 1}, i)
			}
		}
	}
}

// layRings lays rings 350 m apart, each with six junctions more than the one
// inside it, joined inwards to the nearest. Every third ring and six spokes are
// main streets.
func (n *network) layRings(c city, rng *rand.Rand) {
	const apart = 350.0
	inner := []int{n.junction(point{})}
	for k := 1; float64(k)*apart <= c.radius; k++ {
		ring := make([]int, 6*k)
		for i := range ring {
			angle := 2 * math.Pi * float64(i) / float64(len(ring))
			r := float64(k)*apart + jitter(rng, 30)
			ring[i] = n.junction(point{r * math.Sin(angle), r * math.Cos(angle)})
		}
		for i, j := range ring {
			n.connect(j, ring[(i+1)%len(ring)], k%3 == 0)
			nearest := int(math.Round(float64(i)*float64(len(inner))/float64(len(ring)))) % len(inner)
			if spoke := i%k == 0; spoke || rng.IntN(10) < 6 {
				n.connect(j, inner[nearest], spoke)
			}
		}
		inner = ring
	}
}

func jitter(rng *rand.Rand, metres float64) float64 { return (2*rng.Float64() - 1) * metres }

func (n *network) junction(p point) int {
	n.at = append(n.at, p)
	n.streets = append(n.streets, nil)
	return len(n.at) - 1
}

func (n *network) connect(a, b int, main bool) {
	limit := sideStreet
	if main {
		limit = mainStreet
	}
	length, bearing := n.at[a].to(n.at[b])
	n.streets[a] = append(n.streets[a], street{b, length, bearing, limit})
	n.streets[b] = append(n.streets[b], street{a, length, bearing + math.Pi, limit})
}
