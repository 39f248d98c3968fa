package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dray-fleet/dray/fleet"
)

// refused turns the error of a database that will never take these rows, by a
// constraint, a trigger or a type, into an *fleet.InvalidError, so that they
// hold up nothing. Other errors are of a database that is away (PostgreSQL
// documentation, appendix A).
func refused(err error) error {
	const notNull, raised, dataException = "23502", "P0001", "22"
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == checkViolation || pg.Code == notNull || pg.Code == raised || strings.HasPrefix(pg.Code, dataException)) {
		return fleet.Invalid("row", "is refused by the database: "+pg.Message)
	}
	return err
}
