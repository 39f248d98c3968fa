package column

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever lies in an area lies in one of its squares.
func TestCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lat, lon := rapid.Int32Range(-900_000_000, 900_000_000), rapid.Int32Range(-1_800_000_000, 1_800_000_000)
		near := rapid.Int32Range(0, 4_000_000)
		south, west := lat.Draw(t, "south"), lon.Draw(t, "west")
		north := min(south+near.Draw(t, "height"), 900_000_000)
		width := int64(near.Draw(t, "width"))
		east := int64(west) + width
		if east > 1_800_000_000 {
			east -= 3_600_000_000
		}
		inLat := rapid.Int32Range(south, north).Draw(t, "lat")
		inLon := int64(west) + rapid.Int64Range(0, width).Draw(t, "lon")
		if inLon > 1_800_000_000 {
			inLon -= 3_600_000_000
		}
		cells := Cells(west, south, int32(east), north)
		if len(cells) == 0 || len(cells) > maxCells {
			t.Fatalf("%d cells", len(cells))
		}
		if c := Cell(inLat, int32(inLon)); !slices.Contains(cells, c) {
			t.Errorf("cell %d is not in %v", c, cells)
		}
	})
	if cells := Cells(-1_800_000_000, -900_000_000, 1_800_000_000, 900_000_000); cells != nil {
		t.Errorf("the world has %d cells, want none told", len(cells))
	}
}
