package batch

import (
	"cmp"
	"context"
	"slices"

	"github.com/dray-fleet/dray/fleet"
)

// A Driver is a driver's name in the whole installation.
type Driver struct{ Fleet, ID string }

// A Reporter is one source of a driver since its boot.
type Reporter struct {
	Driver       int64
	Source, Boot string
}

// names are the drivers that a batch speaks of, each once, and which of them
// its positions are of. A batch names few of them many times, so that a name is
// looked up once for each position and never again.
type names struct {
	drivers           []Driver
	index             map[Driver]int32
	positions, latest []int32 // indexes into drivers
}

func namesOf(b *fleet.Batch) *names {
	n := &names{index: make(map[Driver]int32, len(b.Latest)), positions: make([]int32, len(b.Positions)), latest: make([]int32, len(b.Latest))}
	for i := range b.Latest {
		n.latest[i] = n.add(DriverOf(&b.Latest[i]))
	}
	for i := range b.Positions {
		n.positions[i] = n.add(DriverOf(&b.Positions[i]))
	}
	for _, r := range b.Reports {
		n.add(Driver{r.Fleet, r.Driver})
	}
	for s := range b.Thinned {
		n.add(Driver{s.Fleet, s.Driver})
	}
	for _, r := range b.Receipts {
		n.add(Driver{r.Source.Fleet, r.Source.Driver})
	}
	return n
}

func (n *names) add(d Driver) int32 {
	i, ok := n.index[d]
	if !ok {
		i = int32(len(n.drivers))
		n.index[d] = i
		n.drivers = append(n.drivers, d)
	}
	return i
}

// DriverOf returns whose position p is.
func DriverOf(p *fleet.Position) Driver { return Driver{p.Fleet, p.Driver} }

// A Numbered is a batch with the numbers that the database gave to its drivers
// and reporters.
type Numbered struct {
	*fleet.Batch
	names
	driverIDs   []int64    // of drivers
	reporters   []Reporter // each once
	reporterIDs []int64
	positionsBy []int32 // reporter of each of Positions
	receiptsBy  []int32 // reporter of each of Receipts
}

// Number returns b with the numbers that the caches remember, and those that the
// create functions then find or give.
func Number(ctx context.Context, b *fleet.Batch,
	drivers *Cache[Driver], createDrivers func(context.Context, []Driver) (map[Driver]int64, error),
	reporters *Cache[Reporter], createReporters func(context.Context, []Reporter) (map[Reporter]int64, error),
) (*Numbered, error) {
	n := &Numbered{Batch: b, names: *namesOf(b)}
	var err error
	if n.driverIDs, err = drivers.Resolve(ctx, n.drivers, createDrivers); err != nil {
		return nil, err
	}
	n.findReporters()
	n.reporterIDs, err = reporters.Resolve(ctx, n.reporters, createReporters)
	return n, err
}

// findReporters finds who reported each fix: most often the same source of the
// driver as the fix before.
func (n *Numbered) findReporters() {
	known := make(map[Reporter]int32, len(n.drivers))
	last := make([]int32, len(n.drivers)) // reporter of each driver, from 1
	find := func(driver int32, source, boot string) int32 {
		if r := last[driver] - 1; r >= 0 && n.reporters[r].Boot == boot && n.reporters[r].Source == source {
			return r
		}
		reporter := Reporter{n.driverIDs[driver], source, boot}
		r, ok := known[reporter]
		if !ok {
			r = int32(len(n.reporters))
			known[reporter] = r
			n.reporters = append(n.reporters, reporter)
		}
		last[driver] = r + 1
		return r
	}
	n.positionsBy, n.receiptsBy = make([]int32, len(n.Positions)), make([]int32, len(n.Receipts))
	for i, driver := range n.positions {
		n.positionsBy[i] = find(driver, n.Positions[i].Source, n.Positions[i].Boot)
	}
	for i := range n.Receipts {
		r := &n.Receipts[i]
		n.receiptsBy[i] = find(n.index[Driver{r.Source.Fleet, r.Source.Driver}], r.Source.Source, r.Boot)
	}
}

// DriverID returns the number of a driver that the batch speaks of.
func (n *Numbered) DriverID(fleetID, driver string) int64 {
	return n.driverIDs[n.index[Driver{fleetID, driver}]]
}

// inOrder returns the indexes of drivers by their numbers.
func (n *Numbered) inOrder() []int32 {
	order := make([]int32, len(n.drivers))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(n.driverIDs[a], n.driverIDs[b]) })
	return order
}
