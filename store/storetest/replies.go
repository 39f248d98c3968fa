package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

var replyTests = map[string]func(*testing.T, Store){
	"one that is claimed runs, until its reply is kept, it is dropped or it has died": func(t *testing.T, s Store) {
		first := claim("k1", "a", 0)
		equal(t, "first", claimed(t, s, first), "fresh")
		equal(t, "while it runs", claimed(t, s, claim("k1", "a", 1)), "runs")
		equal(t, "another key", claimed(t, s, claim("k2", "a", 1)), "fresh")
		ok(t, s.DropReply(t.Context(), first))
		equal(t, "when it was dropped", claimed(t, s, claim("k1", "a", 2)), "fresh")
		equal(t, "when it has died", claimed(t, s, claim("k1", "a", 20)), "again")
		late := claim("k1", "a", 2) // by who was thought dead
		late.Status, late.Body = 500, []byte("late")
		ok(t, s.SaveReply(t.Context(), late))
		equal(t, "another body", claimed(t, s, claim("k1", "b", 40)), "runs")
		done := claim("k1", "a", 20)
		done.Status, done.ContentType, done.ETag, done.Body = 201, "text/plain", `"1"`, []byte{0, 1}
		ok(t, s.SaveReply(t.Context(), done))
		ok(t, s.DropReply(t.Context(), done))
		old, _, _, err := s.ClaimReply(t.Context(), claim("k1", "a", 60), at(0), at(50))
		ok(t, err)
		equal(t, "kept", old, done)
		equal(t, "a day later", claimed(t, s, claim("k1", "b", 86_430)), "fresh")
	},
	"are bounded by time and by number": func(t *testing.T, s Store) {
		for i := range 5 {
			equal(t, "claim", claimed(t, s, claim(fmt.Sprint(i), "a", float64(i))), "fresh")
		}
		ok(t, s.PruneReplies(t.Context(), at(1), 2))
		for i, want := range []string{"fresh", "fresh", "fresh", "runs", "runs"} {
			equal(t, fmt.Sprint(i), claimed(t, s, claim(fmt.Sprint(i), "a", 5)), want)
		}
	},
}

func claim(id, request string, s float64) fleet.Reply {
	return fleet.Reply{ID: []byte(id), Request: []byte(request), At: at(s)}
}

// claimed says what became of a claim, where requests run for ten seconds.
func claimed(t *testing.T, s Store, c fleet.Reply) string {
	t.Helper()
	old, fresh, again, err := s.ClaimReply(t.Context(), c, c.At.Add(-24*time.Hour), c.At.Add(-10*time.Second))
	ok(t, err)
	switch {
	case again:
		return "again"
	case fresh:
		return "fresh"
	case old.Status == 0:
		return "runs"
	}
	return "kept"
}
