package api

import (
	"container/heap"
	"math"

	"github.com/dray-fleet/dray/fleet"
)

// outline returns at most limit of the points, of 2 or more: both ends, and then
// again and again the one that is farthest from the line drawn so far (Douglas
// and Peucker 1973), so that what sticks out stays.
func outline(points []*fleet.Position, limit int) []*fleet.Position {
	if len(points) <= limit {
		return points
	}
	last := len(points) - 1
	keep := make([]bool, len(points))
	keep[0], keep[last] = true, true
	var open chords
	split := func(from, to int) {
		if to-from > 1 {
			heap.Push(&open, newChord(points, from, to))
		}
	}
	split(0, last)
	for range limit - 2 {
		c := heap.Pop(&open).(chord)
		keep[c.farthest] = true
		split(c.from, c.farthest)
		split(c.farthest, c.to)
	}
	kept := make([]*fleet.Position, 0, limit)
	for i, p := range points {
		if keep[i] {
			kept = append(kept, p)
		}
	}
	return kept
}

// A chord is a stretch of a track that is drawn as a straight line yet.
type chord struct {
	from, to, farthest int
	off                float64 // how far the farthest point is off the line; see offLine
}

func newChord(points []*fleet.Position, from, to int) chord {
	c := chord{from: from, to: to, farthest: (from + to) / 2}
	for i := from + 1; i < to; i++ {
		if off := offLine(points[from], points[to], points[i]); off > c.off {
			c.farthest, c.off = i, off
		}
	}
	return c
}

// offLine returns the square of the distance of p from the line from a to b, in
// degrees of latitude.
func offLine(a, b, p *fleet.Position) float64 {
	shrink := math.Cos(a.Lat * math.Pi / 180)
	bx, by := turn(b.Lon-a.Lon)*shrink, b.Lat-a.Lat
	px, py := turn(p.Lon-a.Lon)*shrink, p.Lat-a.Lat
	if length := bx*bx + by*by; length > 0 {
		along := min(max((px*bx+py*by)/length, 0), 1)
		px, py = px-along*bx, py-along*by
	}
	return px*px + py*py
}

// chords is a heap with the one first whose line is farthest off.
type chords []chord

func (h chords) Len() int           { return len(h) }
func (h chords) Less(i, j int) bool { return h[i].off > h[j].off }
func (h chords) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *chords) Push(x any) { *h = append(*h, x.(chord)) }

// Pop implements heap.Interface.
func (h *chords) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]
	return c
}
