package ledger

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A ledger that has forgotten nothing is a set, and what is between its ends and
// not in the set is its gaps.
func TestLedgerIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Ledger
		set := map[int64]bool{}
		for _, seq := range rapid.SliceOfN(rapid.Int64Range(0, 60), 1, 80).Draw(t, "seqs") {
			if got := l.Add(seq, seq*10); got != set[seq] {
				t.Fatalf("Add(%d) = %v, want %v", seq, got, set[seq])
			}
			set[seq] = true
			l = again(t, l)
		}
		var want []Gap
		for seq := l.First; seq <= l.Last; seq++ {
			switch n := len(want); {
			case set[seq]:
			case n > 0 && want[n-1].Last == seq-1:
				want[n-1].Last, want[n-1].To = seq, (seq+1)*10
			default:
				want = append(want, Gap{seq, seq, (seq - 1) * 10, (seq + 1) * 10})
			}
		}
		if diff := cmp.Diff(want, slices.Clip(l.Missing)); diff != "" {
			t.Fatalf("gaps (-want +got):\n%s", diff)
		}
	})
}

// again returns l as the database gives it back.
func again(t *rapid.T, l Ledger) Ledger {
	gaps, err := ParseMissing(l.Text())
	if err != nil {
		t.Fatal(err)
	}
	l.Missing = gaps
	return l
}

// A run is its numbers one by one.
func TestLedgerTakesRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole, single Ledger
		for range rapid.IntRange(1, 20).Draw(t, "runs") {
			first := rapid.Int64Range(0, 60).Draw(t, "first")
			last := first + rapid.Int64Range(0, 20).Draw(t, "more")
			whole.AddRun(first, last, first*10, last*10)
			for seq := first; seq <= last; seq++ {
				single.Add(seq, seq*10)
			}
			whole, single = again(t, whole), again(t, single)
		}
		if diff := cmp.Diff(single, whole); diff != "" {
			t.Fatalf("one by one, and as runs:\n%s", diff)
		}
	})
}

func TestLedgerIsBounded(t *testing.T) {
	var l Ledger
	for i := range int64(10_000) {
		if l.Add(i*2, i) {
			t.Fatalf("Add(%d) = true, want false", i*2)
		}
	}
	if len(l.Missing) != MaxGaps {
		t.Errorf("%d gaps, want %d", len(l.Missing), MaxGaps)
	}
	if l.Add(1, 1) {
		t.Error("Add(1) = true for a number that was forgotten; only its time can tell")
	}
	if !l.Add(19_998, 1) {
		t.Error("Add(19998) = false for a number that arrived")
	}
	for i := l.First; i <= l.Last; i++ {
		l.Add(i, i)
	}
	if len(l.Missing) != 0 {
		t.Errorf("%d gaps when everything came, want none", len(l.Missing))
	}
}

func TestParseMissingRefusesNonsense(t *testing.T) {
	bad := "[[1,2"
	if _, err := ParseMissing(&bad); err == nil {
		t.Error("ParseMissing of half a list: no error")
	}
}
