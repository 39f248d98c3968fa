// Package batch readies a fleet.Batch for either store: it is checked before the
// database is touched, names become numbers, and positions are brought into the
// order of their key, without those that were received before.
package batch

import (
	"cmp"
	"slices"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/breakage"
	"github.com/dray-fleet/dray/store/internal/ledger"
)

// MaxPayload is how much of a dead letter's payload is kept, in bytes.
const MaxPayload = 64 << 10

// A Driver is a driver's name in the whole installation.
type Driver struct{ Fleet, ID string }

// A Reporter is one source of a driver since its boot.
type Reporter struct {
	Driver       int64
	Source, Boot string
}

// A Row is a position with the numbers of its driver and reporter.
type Row struct {
	Driver, Source int64
	At, Seq        int64 // fix time in microseconds; -1 when not numbered
	*fleet.Position
	index int // in the batch
}

// Check returns an *fleet.InvalidError for what no database can hold.
func Check(b *fleet.Batch) error {
	for i := range b.Positions {
		if err := checkPosition(&b.Positions[i]); err != nil {
			return err
		}
	}
	for i := range b.Latest {
		if err := checkPosition(&b.Latest[i]); err != nil {
			return err
		}
	}
	for _, r := range b.Reports {
		if err := checkNames(r.Fleet, r.Driver); err != nil {
			return err
		}
		if !fleet.ValidText(string(r.Duty)) {
			return fleet.Invalid("state", "is not plain text")
		}
	}
	for s := range b.Thinned {
		if err := checkNames(s.Fleet, s.Driver); err != nil {
			return err
		}
	}
	for _, r := range b.Receipts {
		if err := checkNames(r.Source.Fleet, r.Source.Driver); err != nil {
			return err
		}
		if !fleet.ValidText(r.Source.Source) || !fleet.ValidText(r.Boot) {
			return fleet.Invalid("source", "is not plain text")
		}
	}
	return nil
}

func checkPosition(p *fleet.Position) error {
	if err := checkNames(p.Fleet, p.Driver); err != nil {
		return err
	}
	return p.Fix.Validate()
}

func checkNames(fleetID, driver string) error {
	switch {
	case !fleet.ValidID(fleetID):
		return fleet.Invalid("fleet", "is not an id")
	case !fleet.ValidID(driver):
		return fleet.Invalid("driver", "is not an id")
	}
	return nil
}

// Drivers returns every driver that b speaks of, once.
func Drivers(b *fleet.Batch) []Driver {
	seen := make(map[Driver]struct{}, len(b.Positions))
	for i := range b.Positions {
		seen[DriverOf(&b.Positions[i])] = struct{}{}
	}
	for i := range b.Latest {
		seen[DriverOf(&b.Latest[i])] = struct{}{}
	}
	for _, r := range b.Reports {
		seen[Driver{r.Fleet, r.Driver}] = struct{}{}
	}
	for s := range b.Thinned {
		seen[Driver{s.Fleet, s.Driver}] = struct{}{}
	}
	for _, r := range b.Receipts {
		seen[Driver{r.Source.Fleet, r.Source.Driver}] = struct{}{}
	}
	return keys(seen)
}

// DriverOf returns whose position p is.
func DriverOf(p *fleet.Position) Driver { return Driver{p.Fleet, p.Driver} }

// Reporters returns every reporter in b, once.
func Reporters(b *fleet.Batch, drivers map[Driver]int64) []Reporter {
	seen := make(map[Reporter]struct{}, len(b.Positions))
	for i := range b.Positions {
		seen[reporterOf(&b.Positions[i], drivers)] = struct{}{}
	}
	for _, r := range b.Receipts {
		seen[receiptOf(r, drivers)] = struct{}{}
	}
	return keys(seen)
}

func reporterOf(p *fleet.Position, drivers map[Driver]int64) Reporter {
	return Reporter{drivers[DriverOf(p)], p.Source, p.Boot}
}

func receiptOf(r fleet.Receipt, drivers map[Driver]int64) Reporter {
	return Reporter{drivers[Driver{r.Source.Fleet, r.Source.Driver}], r.Source.Source, r.Boot}
}

func keys[K comparable](m map[K]struct{}) []K {
	list := make([]K, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	return list
}

// Rows returns the positions of b in the order of their key, each once.
func Rows(b *fleet.Batch, drivers map[Driver]int64, reporters map[Reporter]int64) []Row {
	rows := make([]Row, len(b.Positions))
	for i := range b.Positions {
		p := &b.Positions[i]
		r := reporterOf(p, drivers)
		rows[i] = Row{Driver: r.Driver, Source: reporters[r], At: p.FixAt.UnixMicro(), Seq: -1, Position: p, index: i}
		if p.HasSeq {
			rows[i].Seq = p.Seq
		}
	}
	// Of equals the first stays. A stable sort takes much longer.
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Or(compare(a, b), a.index-b.index) })
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

// Numbered returns the reporters in b whose fixes carry a boot and a number, for
// which a ledger is kept. Without a boot a number may begin again at any time,
// so it only tells apart fixes of the same instant.
func Numbered(b *fleet.Batch, rows []Row, drivers map[Driver]int64, reporters map[Reporter]int64) []int64 {
	seen := map[int64]struct{}{}
	for _, r := range rows {
		if r.numbered() {
			seen[r.Source] = struct{}{}
		}
	}
	for _, r := range b.Receipts {
		if r.Boot != "" {
			seen[reporters[receiptOf(r, drivers)]] = struct{}{}
		}
	}
	list := keys(seen)
	slices.Sort(list)
	return list
}

func (r Row) numbered() bool { return r.Seq >= 0 && r.Boot != "" }

// Receive enters b into the ledgers and splits rows into what is new for history
// and for quarantine.
func Receive(b *fleet.Batch, rows []Row, ledgers map[int64]*ledger.Ledger, drivers map[Driver]int64, reporters map[Reporter]int64) (history, quarantined []Row) {
	history = make([]Row, 0, len(rows))
	for _, r := range rows {
		if r.numbered() && ledgers[r.Source].Add(r.Seq, r.At) && !breakage.NoDedupe {
			continue
		}
		if r.Quarantined {
			quarantined = append(quarantined, r)
		} else {
			history = append(history, r)
		}
	}
	for _, r := range b.Receipts {
		if r.Boot != "" {
			ledgers[reporters[receiptOf(r, drivers)]].AddRun(r.First, r.Last, r.From.UnixMicro(), r.To.UnixMicro())
		}
	}
	return history, quarantined
}

// Latest returns the newest plausible position of each driver in b.Latest, in
// the order of the drivers' numbers, so that all writers lock in one order.
func Latest(b *fleet.Batch, drivers map[Driver]int64) []Row {
	newest := make(map[int64]Row, len(b.Latest))
	for i := range b.Latest {
		p := &b.Latest[i]
		if p.Quarantined {
			continue
		}
		row := Row{Driver: drivers[DriverOf(p)], At: p.FixAt.UnixMicro(), Position: p}
		if old, ok := newest[row.Driver]; !ok || row.At > old.At {
			newest[row.Driver] = row
		}
	}
	rows := make([]Row, 0, len(newest))
	for _, r := range newest {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, compare)
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

// Thinned returns the thinned fixes of each driver.
func Thinned(b *fleet.Batch, drivers map[Driver]int64) map[int64]int64 {
	n := make(map[int64]int64, len(b.Thinned))
	for s, c := range b.Thinned {
		n[drivers[Driver{s.Fleet, s.Driver}]] += c
	}
	return n
}
