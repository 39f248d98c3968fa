package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestGrows(t *testing.T) {
	flat := func(i int) sample {
		return sample{heap: 40e6 + float64(i%2)*1e6, goroutines: 60 + float64(i%3), files: 30}
	}
	for name, tt := range map[string]struct {
		at   func(i int) sample
		good bool
	}{
		"flat":                 {flat, true},
		"shrinking":            {func(i int) sample { s := flat(i); s.heap -= float64(i) * 1e6; return s }, true},
		"a heap that grows":    {func(i int) sample { s := flat(i); s.heap += float64(i) * 1e6; return s }, false},
		"goroutines that leak": {func(i int) sample { s := flat(i); s.goroutines += float64(3 * i); return s }, false},
		"files that leak":      {func(i int) sample { s := flat(i); s.files += float64(i); return s }, false},
	} {
		var samples []sample
		for i := range 9 {
			samples = append(samples, tt.at(i))
		}
		if err := grows("here", samples); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Under load the least of each round counts: bursts are no growth, and a leak is.
func TestJudgeUnderLoad(t *testing.T) {
	for name, tt := range map[string]struct {
		leak float64 // goroutines a round
		good bool
	}{
		"bursts": {0, true},
		"a leak": {10, false},
	} {
		r := &recorder{crowd: &crowd{clients: 2}}
		for round := range rounds {
			for i := range 5 {
				r.load = append(r.load, sample{at: time.Duration(10*round+i) * time.Second, connections: 2,
					heap: 40e6 + 9e6*float64(i*round), goroutines: 70 + tt.leak*float64(round), files: 40})
			}
			r.rest = append(r.rest, sample{at: time.Duration(10*round+9) * time.Second, heap: 2e7, goroutines: 60, files: 30})
		}
		if err := r.judge(); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlotIsWellFormed(t *testing.T) {
	r := &recorder{crowd: &crowd{clients: 2}}
	for i := range 10 {
		r.load = append(r.load, sample{at: time.Duration(i) * time.Minute, heap: 3e7, goroutines: 70, files: 40, connections: 2, rate: float64(i)})
	}
	r.rest = []sample{{at: 10 * time.Minute, heap: 2e7, goroutines: 60, files: 30}}
	var svg, csv bytes.Buffer
	if err := errors.Join(r.plot(&svg), r.csv(&csv)); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(&svg); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if lines := strings.Count(csv.String(), "\n"); lines != 12 {
		t.Errorf("%d lines of CSV, want a heading and 11:\n%s", lines, csv.String())
	}
}

// What a place is late with is made up for, but not for ever.
func TestPace(t *testing.T) {
	p := &pace{every: time.Second, due: time.Now().Add(-3 * time.Second)}
	began := time.Now()
	for range 3 {
		p.wait(t.Context()) // three are due, none waits
	}
	if late := time.Since(began); late >= time.Second {
		t.Errorf("what was due took %s", late)
	}
	p.due = time.Now().Add(-time.Hour)
	p.wait(t.Context())
	if debt := time.Until(p.due); debt < -maxDebt {
		t.Errorf("%s late are made up for, more than %s", -debt, maxDebt)
	}
}
