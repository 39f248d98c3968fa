package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
)

// attempts bounds how often a batch is begun again because of another writer,
// a duplicate or a dropped partition; after that the caller waits and retries.
const attempts = 10

// SQLSTATE codes after which a batch is begun again.
const (
	uniqueViolation      = "23505"
	checkViolation       = "23514" // no partition for a row
	serializationFailure = "40001"
	deadlock             = "40P01"
)

// SaveBatch stores b in one transaction; see storetest.Store.
func (s *Store) SaveBatch(ctx context.Context, b *fleet.Batch) (saved fleet.Saved, err error) {
	if err := batch.Check(b); err != nil {
		return saved, err
	}
	for {
		saved, err := s.saveBatch(ctx, b)
		if !errors.Is(err, batch.ErrErased) {
			return saved, err
		}
		if err := s.learnErasures(ctx); err != nil {
			return fleet.Saved{}, err
		}
	}
}

func (s *Store) saveBatch(ctx context.Context, b *fleet.Batch) (saved fleet.Saved, err error) {
	b, dropped, erasure := s.erased.Without(b)
	numbered, err := batch.Number(ctx, b, &s.drivers, s.createDrivers, &s.sources, s.createSources)
	if err != nil {
		return saved, err
	}
	p := &prepared{Numbered: numbered, rows: numbered.Rows(), lock: s.contended.lately(), dropped: dropped, erasure: erasure}
	if !p.lock {
		p.known = &s.ledgers
	}
	for range attempts {
		if err := s.ensurePartitions(ctx, p.rows); err != nil {
			return saved, err
		}
		err = s.write(ctx, "save batch", func(ctx context.Context, tx pgx.Tx) (err error) {
			if saved, err = p.save(ctx, tx); err != nil || saved.Skipped {
				return err
			}
			if saved.Refused, err = s.SaveDispatch(ctx, recordsTx{tx}, b.Dispatch); err != nil {
				return err
			}
			if err := s.SaveSightings(ctx, recordsTx{tx}, b.Sightings); err != nil {
				return err
			}
			return s.SaveDisagreements(ctx, recordsTx{tx}, b.Disagreements)
		})
		var pg *pgconn.PgError
		switch {
		case err == nil:
			if !saved.Skipped {
				s.remember(p)
			}
			return saved, nil
		case errors.Is(err, errLedgerMoved) && p.known != nil:
			p.known = nil
		case errors.Is(err, errLedgerMoved):
			p.known, p.lock = nil, s.contended.mark()
		case !errors.As(err, &pg):
			return fleet.Saved{}, err
		case pg.Code == uniqueViolation && pg.TableName == "latest":
			// Another writer was the first to say where a driver is.
		case pg.Code == uniqueViolation && !p.merge:
			p.merge = true
		case pg.Code == checkViolation:
			s.forgetPartitions()
		case pg.Code == deadlock || pg.Code == serializationFailure:
			p.known, p.lock = nil, s.contended.mark()
		default:
			return fleet.Saved{}, refused(err)
		}
	}
	return fleet.Saved{}, refused(err)
}

// prepared is a batch on its way into a transaction.
type prepared struct {
	*batch.Numbered
	rows    []batch.Row
	known   *remembered // nil when the ledgers have to be read
	ledgers *ledgers
	merge   bool  // some positions are there already: a plain COPY has failed
	lock    bool  // another writer is at the same ledgers: take turns
	dropped int   // positions left out because of an erasure
	erasure int64 // the newest one that this took into account
}

func (p *prepared) save(ctx context.Context, tx pgx.Tx) (saved fleet.Saved, err error) {
	done, err := advance(ctx, tx, p.Offset)
	if err != nil || done {
		return fleet.Saved{Skipped: done}, err
	}
	if err := checkErasures(ctx, tx, p.erasure); err != nil {
		return saved, err
	}
	saved.Erased = p.dropped
	history, quarantined, err := p.receive(ctx, tx)
	if err != nil {
		return saved, err
	}
	if err := p.ledgers.save(ctx, tx); err != nil {
		return saved, err
	}
	for table, rows := range map[string][]batch.Row{"positions": history, "quarantined": quarantined} {
		n, err := copyPositions(ctx, tx, table, rows, p.merge)
		if err != nil {
			return saved, err
		}
		saved.Positions += n
	}
	saved.Duplicates = len(p.Positions) - saved.Positions

	if err := saveLatest(ctx, tx, p.NewestOfDrivers()); err != nil {
		return saved, err
	}
	var rest pgx.Batch
	queueCounters(&rest, p.ThinnedOfDrivers(), batch.Newest(quarantined))
	if err := queueReports(&rest, p.Numbered); err != nil {
		return saved, err
	}
	queueLetters(&rest, p.Dead)
	if rest.Len() == 0 {
		return saved, nil
	}
	return saved, tx.SendBatch(ctx, &rest).Close()
}

// receive enters p into its ledgers. What they say is taken for true when they are
// read or when they will be compared as they are written.
func (p *prepared) receive(ctx context.Context, tx pgx.Tx) (history, quarantined []batch.Row, err error) {
	ids := p.WithLedger()
	if p.ledgers, err = loadLedgers(ctx, tx, ids, p.known, p.lock); err != nil {
		return nil, nil, err
	}
	history, quarantined = p.Receive(p.rows, p.ledgers.byID)
	if !p.ledgers.doubtful() {
		return history, quarantined, nil
	}
	if p.ledgers, err = loadLedgers(ctx, tx, ids, nil, p.lock); err != nil {
		return nil, nil, err
	}
	history, quarantined = p.Receive(p.rows, p.ledgers.byID)
	return history, quarantined, nil
}

// remember keeps the ledgers of p, which is committed, while they have no other
// writer.
func (s *Store) remember(p *prepared) {
	if p.lock {
		s.ledgers.forget(p.ledgers.ids)
	} else {
		s.ledgers.keep(p.ledgers)
	}
}

// Offset returns how far a partition of a stream has been saved; 0 is nothing.
func (s *Store) Offset(ctx context.Context, stream string, partition int) (uint64, error) {
	seq, err := one(ctx, s, "read offset", pgx.RowTo[int64], "SELECT seq FROM ingest_offsets WHERE stream = $1 AND partition = $2", stream, partition)
	if errors.Is(err, fleet.ErrNotFound) {
		return 0, nil
	}
	return uint64(seq), err
}

// advance moves the offset to o and reports whether it was there already. The
// row stays locked until the batch is committed.
func advance(ctx context.Context, tx pgx.Tx, o *fleet.Offset) (done bool, err error) {
	if o == nil {
		return false, nil
	}
	tag, err := tx.Exec(ctx, `INSERT INTO ingest_offsets AS o (stream, partition, seq) VALUES ($1, $2, $3)
		ON CONFLICT (stream, partition) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > o.seq`, o.Stream, o.Partition, int64(o.Seq))
	return tag.RowsAffected() == 0, err
}

// copyPositions adds rows and returns how many. A plain COPY is by far the
// fastest and fails on the first duplicate; with merge it goes through a
// temporary table.
func copyPositions(ctx context.Context, tx pgx.Tx, table string, rows []batch.Row, merge bool) (int, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	into := table
	if merge {
		into = "pg_temp.incoming"
		if _, err := tx.Exec(ctx, "CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE positions) ON COMMIT DELETE ROWS"); err != nil {
			return 0, err
		}
	}
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, newRowsReader(rows, time.Now()),
		fmt.Sprintf("COPY %s (%s) FROM STDIN BINARY", into, positionColumns))
	if err != nil || !merge {
		return int(tag.RowsAffected()), err
	}
	tag, err = tx.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%[2]s) SELECT %[2]s FROM pg_temp.incoming ON CONFLICT DO NOTHING", table, positionColumns))
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, "TRUNCATE pg_temp.incoming")
	return int(tag.RowsAffected()), err
}

// queueCounters adds to each driver's thinned fixes and notes when a fix of it
// was set aside. All writers lock drivers in the order of their numbers.
func queueCounters(b *pgx.Batch, thinned, quarantinedAt map[int64]int64) {
	if ids := slices.Sorted(maps.Keys(thinned)); len(ids) > 0 {
		more := make([]int64, len(ids))
		for i, id := range ids {
			more[i] = thinned[id]
		}
		// The rows are locked in the order of the list before any is changed.
		b.Queue(`WITH n AS (SELECT * FROM unnest($1::int4[], $2::int8[]) AS n (id, more)),
			locked AS (SELECT d.id, n.more FROM drivers d JOIN n USING (id) ORDER BY d.id FOR NO KEY UPDATE OF d)
			UPDATE drivers d SET thinned = d.thinned + locked.more FROM locked WHERE d.id = locked.id`, ids, more)
	}
	for _, id := range slices.Sorted(maps.Keys(quarantinedAt)) {
		b.Queue("UPDATE drivers SET quarantined_at = greatest(quarantined_at, $1) WHERE id = $2", time.UnixMicro(quarantinedAt[id]), id)
	}
}

func queueReports(b *pgx.Batch, n *batch.Numbered) error {
	for _, r := range n.Reports {
		id := n.DriverID(r.Fleet, r.Driver)
		if r.Duty != "" {
			b.Queue("UPDATE drivers SET duty = $1, duty_at = $2 WHERE id = $3 AND (duty_at IS NULL OR duty_at < $2)", string(r.Duty), r.DutyAt, id)
		}
		if r.Health != nil {
			health, err := json.Marshal(r.Health)
			if err != nil {
				return err
			}
			b.Queue("UPDATE drivers SET health = $1, health_ext = $2, health_at = $3 WHERE id = $4 AND (health_at IS NULL OR health_at < $3)",
				string(health), r.Health.Ext, r.Health.At, id)
		}
	}
	return nil
}

func queueLetters(b *pgx.Batch, letters []fleet.DeadLetter) {
	for _, d := range letters {
		d = batch.Letter(d)
		b.Queue(`INSERT INTO dead_letters (fleet, id, driver, topic, field, reason, received_at, payload)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`, d.Fleet, d.ID, d.Driver, d.Topic, d.Field, d.Reason, d.ReceivedAt, d.Payload)
	}
}
