package api

import (
	"container/heap"
	"math"

	"github.com/dray-fleet/dray/fleet"
)

// A simplifier keeps the shape of a track in at most max points, in one pass and
// bounded memory: whenever one more than hold is held, the point that matters
// least is dropped (Visvalingam and Whyatt 1993, on a stream), and in the end
// outline chooses among those that are left. Its first and last point stay.
type simplifier struct {
	max, hold   int // hold is at least max
	first, last *vertex
	byArea      vertices
}

// A vertex matters as much as the area of the triangle with its neighbours.
type vertex struct {
	p          fleet.Position
	prev, next *vertex
	area       float64
	index      int // in the heap; -1 for the two ends
}

func (s *simplifier) add(p *fleet.Position) {
	v := &vertex{p: *p, prev: s.last, index: -1}
	v.p.Ext = nil // may be large, and no format shows it
	if s.last == nil {
		s.first, s.last = v, v
		return
	}
	inner := s.last
	inner.next, s.last = v, v
	if inner.prev == nil {
		return
	}
	inner.area = triangle(&inner.prev.p, &inner.p, &v.p)
	heap.Push(&s.byArea, inner)
	if s.byArea.Len()+2 > s.hold {
		s.drop()
	}
}

func (s *simplifier) drop() {
	v := heap.Pop(&s.byArea).(*vertex)
	v.prev.next, v.next.prev = v.next, v.prev
	for _, n := range []*vertex{v.prev, v.next} {
		if n.index >= 0 {
			// Never less than what was dropped beside it, or a run of small
			// steps would wear a bend away.
			n.area = max(v.area, triangle(&n.prev.p, &n.p, &n.next.p))
			heap.Fix(&s.byArea, n.index)
		}
	}
}

// each calls fn with the points that are left, in order.
func (s *simplifier) each(fn func(*fleet.Position) error) error {
	held := make([]*fleet.Position, 0, s.byArea.Len()+2)
	for v := s.first; v != nil; v = v.next {
		held = append(held, &v.p)
	}
	for _, p := range outline(held, s.max) {
		if err := fn(p); err != nil {
			return err
		}
	}
	return nil
}

// triangle returns twice the area, in square degrees of latitude.
func triangle(a, b, c *fleet.Position) float64 {
	shrink := math.Cos(b.Lat * math.Pi / 180)
	x1, y1 := turn(a.Lon-b.Lon)*shrink, a.Lat-b.Lat
	x2, y2 := turn(c.Lon-b.Lon)*shrink, c.Lat-b.Lat
	return math.Abs(x1*y2 - x2*y1)
}

// turn brings a difference of longitudes into -180…180.
func turn(deg float64) float64 { return math.Remainder(deg, 360) }

// vertices is a heap with the smallest area first.
type vertices []*vertex

func (h vertices) Len() int           { return len(h) }
func (h vertices) Less(i, j int) bool { return h[i].area < h[j].area }
func (h vertices) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *vertices) Push(x any) {
	v := x.(*vertex)
	v.index = len(*h)
	*h = append(*h, v)
}

// Pop implements heap.Interface.
func (h *vertices) Pop() any {
	old := *h
	v := old[len(old)-1]
	*h, v.index = old[:len(old)-1], -1
	return v
}
