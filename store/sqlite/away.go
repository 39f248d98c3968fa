package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dray-fleet/dray/fleet"
)

// failed wraps err, and says of what passes that it does.
func failed(what string, err error) error { return fmt.Errorf("sqlite: %s: %w", what, away(err)) }

// away marks the errors that pass without a change of what was asked for as
// fleet.ErrAway (https://www.sqlite.org/rescode.html).
func away(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL:
		return fmt.Errorf("%w: %w", fleet.ErrAway, err)
	}
	return err
}
