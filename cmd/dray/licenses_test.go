package main

import (
	"strings"
	"testing"
)

func TestLicensesArePrinted(t *testing.T) {
	stdout, stderr, err := command(t, t.TempDir(), nil, "licenses")
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	for _, want := range []string{"github.com/nats-io/nats-server/v2", "maplibre-gl", "GeoNames"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no licence of %s is printed (is the web built? make web)", want)
		}
	}
}
