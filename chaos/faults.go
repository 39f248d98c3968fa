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
	{"F3s", "SQLite is locked by somebody else", false, lockDatabase},
	{"F4", "the stream's disk is full", false, fillStream},
	{"F5", "the database's disk is full", false, fillDatabase},
	{"F6", "the network between broker and stream fails", false, partition},
	{"F7", "a dispatcher reads nothing", false, readNothing},
	{"F8", "the database is slow", false, slowDatabase},
	{"F9", "clocks are wrong", false, skewClocks},
	{"F10", "clients say everything several times", true, sayAgain},
	{"F11", "everybody comes back at once", false, storm},
	{"F12", "tokens end under a connection", false, endTokens},
	{"F13", "the power fails (syncs are counted)", false, countSyncs},
	{"F14", "poison among good reports", true, poison},
	{"F15", "the server stands still for 20 s", false, pauseServer},
	{"F16", "everything is killed and comes back in the wrong order", false, killEverything},
	{"F17", "a bit of the stream's file turns over", false, flipBit},
	{"F18", "a rolling restart", false, restartInTurn},
}

// times returns n, or few in the short subset.
func (r *rig) times(n, few int) int {
	if r.opts.Short {
		return few
	}
	return n
}
