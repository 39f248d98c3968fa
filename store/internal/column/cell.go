package column

// The grid of the latest positions: squares of a twentieth of a degree, counted
// from the south-west, row by row. A driver changes its square so rarely that
// an index of it costs next to nothing. The migrations 0040 count as Cell does.
const (
	cellSize   = 500_000 // of Degree
	cellsInRow = 7201
	maxCells   = 400
)

// Cell returns the square that a place lies in.
func Cell(lat, lon int32) int64 { return cellRow(lat)*cellsInRow + cellColumn(lon) }

func cellRow(lat int32) int64    { return (int64(lat) + 900_000_000) / cellSize }
func cellColumn(lon int32) int64 { return (int64(lon) + 1_800_000_000) / cellSize }

// Cells returns the squares that an area touches, west > east across the
// antimeridian; nil when they are so many that looking at all drivers is as good.
func Cells(west, south, east, north int32) []int64 {
	type span struct{ from, to int64 }
	spans := []span{{cellColumn(west), cellColumn(east)}}
	if west > east {
		spans = []span{{cellColumn(west), cellsInRow - 1}, {0, cellColumn(east)}}
	}
	columns := int64(0)
	for _, s := range spans {
		columns += s.to - s.from + 1
	}
	rows := cellRow(north) - cellRow(south) + 1
	if rows < 1 || rows*columns > maxCells {
		return nil
	}
	cells := make([]int64, 0, rows*columns)
	for row := cellRow(south); row <= cellRow(north); row++ {
		for _, s := range spans {
			for column := s.from; column <= s.to; column++ {
				cells = append(cells, row*cellsInRow+column)
			}
		}
	}
	return cells
}
