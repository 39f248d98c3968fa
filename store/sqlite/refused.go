package sqlite

import (
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dray-fleet/dray/fleet"
)

// refused turns the error of a database that will never take these rows, by a
// constraint, a trigger or a type, into an *fleet.InvalidError, so that they
// hold up nothing. Other errors are of a database that is away
// (https://www.sqlite.org/rescode.html).
func refused(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_CHECK, sqlite3.SQLITE_CONSTRAINT_NOTNULL, sqlite3.SQLITE_CONSTRAINT_TRIGGER,
		sqlite3.SQLITE_CONSTRAINT_DATATYPE, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
		return fleet.Invalid("row", "is refused by the database: "+e.Error())
	}
	return err
}
