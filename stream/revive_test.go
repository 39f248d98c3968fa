package stream

import (
	"testing"
	"time"
)

// A server that a failed write has put out of work takes appends again by
// itself, and readers go on where they were. (That a full disk does this is
// fault F4 of package chaos.)
func TestServerIsStartedAnewAfterAFailedWrite(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	to := newListener()
	r := reader(t, l, 0)
	for round := range 2 {
		if err := l.Append(publication("d7", round), to, uint64(round)); err != nil {
			t.Fatal(err)
		}
		if o := to.next(t, 1)[0]; o.err != nil {
			t.Fatal(o.err)
		}
		rs, err := r.Fetch(t.Context(), 1, time.Millisecond)
		for err != nil && t.Context().Err() == nil { // the connection was lost in between
			rs, err = r.Fetch(t.Context(), 1, time.Millisecond)
		}
		if len(rs) != 1 || rs[0].Seq != uint64(round+1) {
			t.Fatalf("round %d: read %+v", round, rs)
		}
		l.server.broken.Store(true)
		if err := l.Ready(t.Context()); err == nil {
			t.Error("ready with a failed write")
		}
		if err := l.server.revive(); err != nil {
			t.Fatal(err)
		}
	}
}
