package postgres

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dray-fleet/dray/fleet"
)

// awayClasses are those of errors that pass without a change of what was asked
// for (PostgreSQL documentation, appendix A): connection exception, transaction
// rollback, insufficient resources, object not in prerequisite state, operator
// intervention, system error.
var awayClasses = []string{"08", "40", "53", "55", "57", "58"}

// away marks such errors as fleet.ErrAway, and those of a connection that fails.
func away(err error) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network *net.OpError
	passes := errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF)
	if errors.As(err, &pg) {
		passes = slices.ContainsFunc(awayClasses, func(class string) bool { return strings.HasPrefix(pg.Code, class) })
	}
	if passes {
		return fmt.Errorf("%w: %w", fleet.ErrAway, err)
	}
	return err
}
