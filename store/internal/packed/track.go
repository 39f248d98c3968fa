package packed

import (
	"context"
	"math"

	"github.com/dray-fleet/dray/fleet"
)

// A Block is one packed hour of a driver.
type Block struct {
	Driver, Hour int64
	Body         []byte
}

// A Tables is one driver's history in a database.
type Tables interface {
	// Plain returns up to limit plain rows with after < key and At < to, in order.
	Plain(ctx context.Context, after Key, to int64, limit int) ([]Row, error)
	// Blocks returns up to limit blocks with from <= hour < to, in order.
	Blocks(ctx context.Context, from, to int64, limit int) ([]Block, error)
	// Names returns who reported the rows of these sources.
	Names(ctx context.Context, sources []int64) (map[int64]Name, error)
}

// A track is read in pages, so that a slow reader of it holds no transaction
// open and memory is bounded. Most days are one page of plain rows.
const (
	plainPage = 6000
	blockPage = 12
)

// Track calls fn with each row between two times, [from, to), oldest first.
//
// Rows move from the plain table into blocks meanwhile, in a transaction or
// block first. So of any span the plain rows are read before the blocks: what
// was plain no more is in its block by then.
func Track(ctx context.Context, t Tables, from, to int64, fn func(*Row, Name) error) error {
	w := walk{t: t, fn: fn, names: map[int64]Name{}}
	after, end := Key{from, -1, -1}, Key{to - 1, math.MaxInt64, math.MaxInt64}
	for {
		plain, err := t.Plain(ctx, after, to, plainPage)
		if err != nil {
			return err
		}
		last := end
		if len(plain) == plainPage {
			last = plain[len(plain)-1].Key()
		}
		if err := w.span(ctx, plain, after, last); err != nil || last == end {
			return err
		}
		after = last
	}
}

type walk struct {
	t     Tables
	fn    func(*Row, Name) error
	names map[int64]Name
}

// span calls fn with the rows of after < key <= last, of which plain are all
// that are plain.
func (w *walk) span(ctx context.Context, plain []Row, after, last Key) error {
	for hour := HourOf(after.At); hour <= last.At; {
		blocks, err := w.t.Blocks(ctx, hour, last.At+1, blockPage)
		if err != nil {
			return err
		}
		for _, b := range blocks {
			rows, err := Decode(b.Body)
			if err != nil {
				return err
			}
			upTo := Key{b.Hour + Hour - 1, math.MaxInt64, math.MaxInt64}
			here := Between(plain, after, upTo)
			if err := w.emit(ctx, Merge(Between(rows, after, last), here)); err != nil {
				return err
			}
			plain = plain[len(here):]
		}
		if len(blocks) < blockPage {
			break
		}
		hour = blocks[len(blocks)-1].Hour + Hour
	}
	return w.emit(ctx, plain)
}

func (w *walk) emit(ctx context.Context, rows []Row) error {
	if err := w.learn(ctx, rows); err != nil {
		return err
	}
	for i := range rows {
		name, ok := w.names[rows[i].Source]
		if !ok {
			continue // of a driver that is being erased
		}
		if err := w.fn(&rows[i], name); err != nil {
			return err
		}
	}
	return nil
}

// learn asks for the names of the sources in rows that are not known yet.
func (w *walk) learn(ctx context.Context, rows []Row) error {
	var unknown []int64
	last := int64(-1)
	for i := range rows {
		id := rows[i].Source
		if _, ok := w.names[id]; ok || id == last {
			continue
		}
		unknown, last = append(unknown, id), id
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := w.t.Names(ctx, unknown)
	for id, name := range found {
		w.names[id] = name
	}
	return err
}

// EachPosition returns the function for Track that calls fn with the positions
// of q's driver.
func EachPosition(q fleet.TrackQuery, fn func(*fleet.Position) error) func(*Row, Name) error {
	return func(r *Row, by Name) error {
		p := r.Position(by)
		p.Fleet, p.Driver, p.Quarantined = q.Fleet, q.Driver, q.Quarantined
		return fn(&p)
	}
}
