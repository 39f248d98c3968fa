package fleet

import "testing"

func TestCanMove(t *testing.T) {
	for _, tt := range []struct {
		from, to Status
		want     bool
	}{
		{StatusCreated, StatusAssigned, true},
		{StatusAssigned, StatusAccepted, true},
		{StatusAccepted, StatusPickedUp, true},
		{StatusPickedUp, StatusInTransit, true},
		{StatusInTransit, StatusArrived, true},
		{StatusArrived, StatusDelivered, true},
		{StatusAssigned, StatusCreated, true}, // declined
		{StatusPickedUp, StatusDelivered, true},
		{StatusFailed, StatusReturned, true},
		{StatusFailed, StatusDelivered, true}, // the second try
		{StatusCreated, StatusDelivered, false},
		{StatusAssigned, StatusPickedUp, false},
		{StatusPickedUp, StatusCancelled, false}, // it is on a vehicle: return it
		{StatusInTransit, StatusPickedUp, false},
		{StatusArrived, StatusArrived, false},
		{"", StatusCreated, false},
		{"lost", StatusDelivered, false},
		{StatusInTransit, "lost", false},
	} {
		if got := CanMove(tt.from, tt.to); got != tt.want {
			t.Errorf("CanMove(%q, %q) = %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

// Every status can be reached from created, the last three are ends, and from
// every other an end can be reached.
func TestStatusesAreConnected(t *testing.T) {
	reach := func(from Status) map[Status]bool {
		seen := map[Status]bool{from: true}
		for todo := []Status{from}; len(todo) > 0; todo = todo[1:] {
			for _, to := range moves[todo[0]] {
				if !ValidStatus(to) {
					t.Errorf("%q leads to %q, which is not a status", todo[0], to)
				}
				if !seen[to] {
					seen[to] = true
					todo = append(todo, to)
				}
			}
		}
		return seen
	}
	if got := reach(StatusCreated); len(got) != len(moves) {
		t.Errorf("%d of %d statuses can be reached", len(got), len(moves))
	}
	for s := range moves {
		end := s == StatusDelivered || s == StatusReturned || s == StatusCancelled
		if end != (len(moves[s]) == 0) {
			t.Errorf("%q has %d moves", s, len(moves[s]))
		}
		if got := reach(s); !got[StatusDelivered] && !got[StatusReturned] && !got[StatusCancelled] {
			t.Errorf("from %q there is no end", s)
		}
	}
}
