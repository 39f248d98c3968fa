package main

import "testing"

func TestJudge(t *testing.T) {
	flat := func(i int) sample { return sample{40e6 + float64(i%2)*1e6, 60 + float64(i%3), 30} }
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
		for i := range rounds - warmUp {
			samples = append(samples, tt.at(i))
		}
		if err := judge(samples); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
