package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
)

// The plot is a column of charts over the same time, in pixels.
const (
	plotWidth   = 860
	chartHeight = 120
	chartGap    = 40
	leftMargin  = 70
	topMargin   = 50
)

// plot draws what the server held as SVG: a line of the samples under load, and
// a dot for each at rest.
func (r *recorder) plot(out io.Writer) error {
	charts := []struct {
		title string
		of    func(sample) float64
		rest  bool
	}{
		{"publishes/s", func(s sample) float64 { return s.rate }, false},
		{"connections", func(s sample) float64 { return s.connections }, false},
		{"live heap, MB", func(s sample) float64 { return s.heap / 1e6 }, true},
		{"goroutines", func(s sample) float64 { return s.goroutines }, true},
		{"file descriptors", func(s sample) float64 { return s.files }, true},
	}
	w := bufio.NewWriter(out)
	height := topMargin + len(charts)*(chartHeight+chartGap)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, height)
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	fmt.Fprintf(w, `<text x="%d" y="20" font-size="14">dray under %d clients that come and go: line under load, dots when everybody has left</text>`+"\n",
		leftMargin, r.crowd.clients)
	length := minutes(r.rest[len(r.rest)-1])
	across := func(s sample) float64 { return leftMargin + minutes(s)/length*(plotWidth-leftMargin-20) }
	for i, c := range charts {
		top := float64(topMargin + i*(chartHeight+chartGap))
		most := 0.0
		for _, s := range r.load {
			most = max(most, c.of(s))
		}
		most = ceiling(most)
		down := func(v float64) float64 { return top + chartHeight*(1-v/most) }
		fmt.Fprintf(w, `<text x="%d" y="%.0f">%s</text>`+"\n", leftMargin, top-6, c.title)
		for _, v := range []float64{0, most / 2, most} {
			fmt.Fprintf(w, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
				leftMargin, plotWidth-20, down(v), down(v), leftMargin-6, down(v)+4, v)
		}
		fmt.Fprint(w, `<polyline fill="none" stroke="#1560bd" points="`)
		for _, s := range r.load {
			fmt.Fprintf(w, "%.1f,%.1f ", across(s), down(c.of(s)))
		}
		fmt.Fprintln(w, `"/>`)
		if c.rest {
			for _, s := range r.rest {
				fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="3" fill="#c0392b"/>`+"\n", across(s), down(c.of(s)))
			}
		}
	}
	for _, part := range []float64{0, 0.25, 0.5, 0.75, 1} {
		fmt.Fprintf(w, `<text x="%.1f" y="%d" text-anchor="middle">%.3g min</text>`+"\n",
			leftMargin+part*(plotWidth-leftMargin-20), height-16, part*length)
	}
	fmt.Fprintln(w, "</svg>")
	return w.Flush()
}

// minutes is the time of a sample in minutes.
func minutes(s sample) float64 { return s.at.Minutes() }

// ceiling returns the next of 1, 2, 5 times a power of ten.
func ceiling(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*unit {
			return n * unit
		}
	}
	return 10 * unit
}
