package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A report gathers the figures of all rounds.
type report struct {
	out     io.Writer
	about   []scenario
	figures []*figure
}

type scenario struct{ name, about string }

// A figure is one thing measured of one system, once each round.
type figure struct {
	Scenario string    `json:"scenario"`
	System   string    `json:"system"`
	Name     string    `json:"figure"`
	Unit     string    `json:"unit"`
	Median   float64   `json:"median"`
	Samples  []float64 `json:"samples"`
}

func (r *report) begin(name, about string) {
	r.about = append(r.about, scenario{name, about})
}

// add notes one sample of the scenario that runs.
func (r *report) add(system, name, unit string, value float64) {
	f := r.find(r.about[len(r.about)-1].name, system, name)
	if f == nil {
		f = &figure{Scenario: r.about[len(r.about)-1].name, System: system, Name: name, Unit: unit}
		r.figures = append(r.figures, f)
	}
	f.Samples = append(f.Samples, value)
	f.Median = median(f.Samples)
}

func (r *report) addMillis(system, name string, d time.Duration) {
	r.add(system, name, "ms", float64(d.Microseconds())/1000)
}

func (r *report) find(scenario, system, name string) *figure {
	for _, f := range r.figures {
		if f.Scenario == scenario && f.System == system && f.Name == name {
			return f
		}
	}
	return nil
}

// median of samples, of which there is at least one.
func median(samples []float64) float64 {
	s := slices.Sorted(slices.Values(samples))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// table prints what was measured: JSON for programs, then for people.
func (r *report) table() {
	enc := json.NewEncoder(r.out)
	for _, f := range r.figures {
		_ = enc.Encode(f) // nobody is left to tell that the terminal is gone
	}
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	for _, s := range r.about {
		fmt.Fprintf(w, "\n%s: %s\n", s.name, s.about)
		for _, f := range r.figures {
			if f.Scenario == s.name {
				fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t(%s to %s)\n", f.System, f.Name, digits(f.Median), f.Unit,
					digits(slices.Min(f.Samples)), digits(slices.Max(f.Samples)))
			}
		}
	}
	fmt.Fprint(w, "\nbars\n")
	for _, b := range bars {
		if value, ok := b.value(r); ok {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", b.scenario, b.what, digits(value), b.verdict(value))
		}
	}
	w.Flush()
}

// digits prints three significant ones.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
