package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		samples []float64
		want    float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 100}, 3}} {
		if got := median(tt.samples); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.samples, got, tt.want)
		}
	}
}

func TestTableHoldsFiguresToTheirBars(t *testing.T) {
	var out bytes.Buffer
	r := report{out: &out}
	r.begin("publish", "publishes")
	for _, rate := range []float64{90_000, 130_000, 110_000} {
		r.add(dray, acked, "/s", rate)
	}
	r.add(mosquitto, acked, "/s", 30_000)
	r.add(rooms, acked, "/s", 0) // what did not run is held to nothing
	r.add(dray, lost, "", 1)
	r.table()
	bar := func(what string) string {
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, what) && !strings.HasPrefix(line, "{") && strings.Contains(line, "at ") {
				return strings.Join(strings.Fields(line), " ")
			}
		}
		return ""
	}
	for what, want := range map[string]string{
		"acknowledged, × mosquitto":       "publish acknowledged, × mosquitto 3.67 MISSED at least 4.00",
		"deliveries lost":                 "publish deliveries lost 1.00 MISSED at most 0.000",
		"acknowledged, × Socket.IO rooms": "",
	} {
		if got := bar(what); got != want {
			t.Errorf("bar of %s: %q, want %q\n%s", what, got, want, out.String())
		}
	}
	if !strings.Contains(out.String(), `"median":110000,"samples":[90000,130000,110000]`) {
		t.Errorf("no line of JSON with the samples:\n%s", out.String())
	}
}

// Every bar is of a scenario, and one way only.
func TestBarsAreOfScenarios(t *testing.T) {
	names := map[string]bool{}
	for _, s := range scenarios {
		names[s.name] = true
	}
	for _, b := range bars {
		if !names[b.scenario] || (b.least == 0) == (b.most == 0) && b.what != "deliveries lost" {
			t.Errorf("bar %+v", b)
		}
	}
}
