package chaos

import "context"

// A fault is one thing that goes wrong, and what has to hold meanwhile and
// after. run returns an error only when chaos itself could not do its work.
type fault struct {
	id, title string
	short     bool
	run       func(ctx context.Context, r *rig) error
}

// The numbers are those of docs/reliability.md.
var faults = []fault{
	{"F1", "the server is killed again and again", true, killServer},
	{"F2", "ingest is killed right after its commits", true, killIngest},
	{"F3", "the database goes away", true, stopDatabase},
	{"F10", "clients say everything several times", true, sayAgain},
	{"F14", "poison among good reports", true, poison},
}

// times returns n, or few in the short subset.
func (r *rig) times(n, few int) int {
	if r.opts.Short {
		return few
	}
	return n
}
