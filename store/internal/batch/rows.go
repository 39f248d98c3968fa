package batch

import (
	"cmp"
	"slices"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/breakage"
	"github.com/dray-fleet/dray/store/internal/ledger"
)

// A Row is a position with the numbers of its driver and reporter.
type Row struct {
	Driver, Source int64
	At, Seq        int64 // fix time in microseconds; -1 when not numbered
	*fleet.Position
	index int // in the batch
}

// Rows returns the positions of n in the order of their key, each once: they are
// dealt out to their drivers, of whom each has few, most often in order already.
func (n *Numbered) Rows() []Row {
	ends := make([]int, len(n.drivers)) // of each driver's rows, once they are dealt out
	for _, driver := range n.positions {
		ends[driver]++
	}
	order, start := n.inOrder(), 0
	for _, driver := range order {
		ends[driver], start = start, start+ends[driver]
	}
	rows := make([]Row, len(n.Positions))
	for i, driver := range n.positions {
		p := &n.Positions[i]
		row := Row{Driver: n.driverIDs[driver], Source: n.reporterIDs[n.positionsBy[i]], At: p.FixAt.UnixMicro(), Seq: -1, Position: p, index: i}
		if p.HasSeq {
			row.Seq = p.Seq
		}
		rows[ends[driver]] = row
		ends[driver]++
	}
	start = 0
	for _, driver := range order {
		// Of equals the first stays. A stable sort takes much longer.
		slices.SortFunc(rows[start:ends[driver]], func(a, b Row) int { return cmp.Or(compare(a, b), a.index-b.index) })
		start = ends[driver]
	}
	return slices.CompactFunc(rows, func(a, b Row) bool { return compare(a, b) == 0 && a.Quarantined == b.Quarantined })
}

func compare(a, b Row) int {
	switch {
	case a.Driver != b.Driver:
		return cmp.Compare(a.Driver, b.Driver)
	case a.At != b.At:
		return cmp.Compare(a.At, b.At)
	case a.Source != b.Source:
		return cmp.Compare(a.Source, b.Source)
	}
	return cmp.Compare(a.Seq, b.Seq)
}

// WithLedger returns the numbers of the reporters in n whose fixes carry a boot
// and a number, for which a ledger is kept. Without a boot a number may begin
// again at any time, so it only tells apart fixes of the same instant.
func (n *Numbered) WithLedger() []int64 {
	seen := make([]bool, len(n.reporters))
	for i, r := range n.positionsBy {
		seen[r] = seen[r] || numbered(&n.Positions[i])
	}
	for i, r := range n.receiptsBy {
		seen[r] = seen[r] || n.Receipts[i].Boot != ""
	}
	var ids []int64
	for r, id := range n.reporterIDs {
		if seen[r] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func numbered(p *fleet.Position) bool { return p.HasSeq && p.Seq >= 0 && p.Boot != "" }

// Receive enters n into the ledgers and splits rows into what is new for history
// and for quarantine.
func (n *Numbered) Receive(rows []Row, ledgers map[int64]*ledger.Ledger) (history, quarantined []Row) {
	history = make([]Row, 0, len(rows))
	var of int64 // whose ledger it is: most often that of the row before
	var led *ledger.Ledger
	for _, r := range rows {
		if numbered(r.Position) {
			if led == nil || of != r.Source {
				of, led = r.Source, ledgers[r.Source]
			}
			if led.Add(r.Seq, r.At) && !breakage.NoDedupe {
				continue
			}
		}
		if r.Quarantined {
			quarantined = append(quarantined, r)
		} else {
			history = append(history, r)
		}
	}
	for i, r := range n.Receipts {
		if r.Boot != "" {
			ledgers[n.reporterIDs[n.receiptsBy[i]]].AddRun(r.First, r.Last, r.From.UnixMicro(), r.To.UnixMicro())
		}
	}
	return history, quarantined
}

// NewestOfDrivers returns the newest plausible position of each driver in
// Latest, in the order of the drivers' numbers, so that all writers lock in one
// order.
func (n *Numbered) NewestOfDrivers() []Row {
	newest := make([]*fleet.Position, len(n.drivers))
	count := 0
	for i, driver := range n.latest {
		p := &n.Latest[i]
		if p.Quarantined {
			continue
		}
		if newest[driver] == nil {
			count++
		}
		if newest[driver] == nil || p.FixAt.UnixMicro() > newest[driver].FixAt.UnixMicro() {
			newest[driver] = p
		}
	}
	rows := make([]Row, 0, count)
	for _, driver := range n.inOrder() {
		if p := newest[driver]; p != nil {
			rows = append(rows, Row{Driver: n.driverIDs[driver], At: p.FixAt.UnixMicro(), Position: p})
		}
	}
	return rows
}

// Newest returns the receipt time of the newest row of each driver, in
// microseconds.
func Newest(rows []Row) map[int64]int64 {
	at := map[int64]int64{}
	for _, r := range rows {
		at[r.Driver] = max(at[r.Driver], r.ReceivedAt.UnixMicro())
	}
	return at
}

// ThinnedOfDrivers returns the thinned fixes of each driver.
func (n *Numbered) ThinnedOfDrivers() map[int64]int64 {
	thinned := make(map[int64]int64, len(n.Thinned))
	for s, c := range n.Thinned {
		thinned[n.DriverID(s.Fleet, s.Driver)] += c
	}
	return thinned
}
