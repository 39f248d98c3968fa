// Package ledger keeps which numbers of one reporter's fixes have arrived: from
// the first to the last, less the gaps. It tells a fix that is sent again from a
// new one, and what never came.
package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
)

// MaxGaps bounds a ledger. With one more the oldest gap is forgotten, and
// nothing is known any more of the numbers up to its end.
const MaxGaps = 256

// A Ledger is what arrived of one reporter. The zero value is empty. Times are
// fix times in microseconds.
type Ledger struct {
	Any     bool // something arrived; the rest is meaningless without
	First   int64
	FirstAt int64
	Last    int64
	LastAt  int64
	Forgot  bool // nothing is known of numbers below First
	Missing []Gap
	Changed bool // something was added that had not arrived before
}

// A Gap is a run of missing numbers and the fix times on both sides of it.
type Gap struct{ First, Last, From, To int64 }

// Add records that number seq arrived and reports whether it had arrived before.
// Below what it has forgotten it says no; then the fix time has to tell.
func (l *Ledger) Add(seq, at int64) (duplicate bool) {
	switch {
	case !l.Any:
		l.Any, l.First, l.FirstAt, l.Last, l.LastAt = true, seq, at, seq, at
	case seq > l.Last:
		if seq > l.Last+1 {
			l.Missing = append(l.Missing, Gap{l.Last + 1, seq - 1, l.LastAt, at})
		}
		l.Last, l.LastAt = seq, at
	case seq < l.First:
		if l.Forgot {
			return false
		}
		if seq < l.First-1 {
			l.Missing = slices.Insert(l.Missing, 0, Gap{seq + 1, l.First - 1, at, l.FirstAt})
		}
		l.First, l.FirstAt = seq, at
	default:
		return l.fill(seq, at)
	}
	l.Changed = true
	l.trim()
	return false
}

// AddRun records that the numbers first to last arrived, which most often stand
// at the end or in one gap. Those in between may have any time: what is missing
// lies beside a run and not in it.
func (l *Ledger) AddRun(first, last, firstAt, lastAt int64) {
	l.Add(first, firstAt)
	if first < last && l.Last == first {
		l.Last, l.LastAt, l.Changed = last, lastAt, true
		return
	}
	i := sort.Search(len(l.Missing), func(i int) bool { return l.Missing[i].First > first })
	if i < len(l.Missing) && l.Missing[i].First == first+1 && l.Missing[i].Last >= last {
		l.Missing[i].First, l.Missing[i].From, l.Changed = last+1, lastAt, true
		if l.Missing[i].Last == last {
			l.Missing = slices.Delete(l.Missing, i, i+1)
		}
		return
	}
	for seq := first + 1; seq <= last; seq++ {
		l.Add(seq, lastAt)
	}
}

// fill takes seq out of the gap that it lies in.
func (l *Ledger) fill(seq, at int64) (duplicate bool) {
	i := sort.Search(len(l.Missing), func(i int) bool { return l.Missing[i].Last >= seq })
	if i == len(l.Missing) || l.Missing[i].First > seq {
		return true
	}
	g := l.Missing[i]
	var rest []Gap
	if g.First < seq {
		rest = append(rest, Gap{g.First, seq - 1, g.From, at})
	}
	if seq < g.Last {
		rest = append(rest, Gap{seq + 1, g.Last, at, g.To})
	}
	l.Missing = slices.Replace(l.Missing, i, i+1, rest...)
	l.Changed = true
	l.trim()
	return false
}

func (l *Ledger) trim() {
	for len(l.Missing) > MaxGaps {
		l.First, l.FirstAt, l.Forgot = l.Missing[0].Last+1, l.Missing[0].To, true
		l.Missing = slices.Delete(l.Missing, 0, 1)
	}
}

// Text returns the gaps for a column, [[first,last,from,to],…]; nil when there
// are none.
func (l *Ledger) Text() *string {
	if len(l.Missing) == 0 {
		return nil
	}
	rows := make([][4]int64, len(l.Missing))
	for i, g := range l.Missing {
		rows[i] = [4]int64{g.First, g.Last, g.From, g.To}
	}
	b, _ := json.Marshal(rows) // integers always encode
	s := string(b)
	return &s
}

// ParseMissing is the inverse of Text.
func ParseMissing(s *string) ([]Gap, error) {
	if s == nil {
		return nil, nil
	}
	var rows [][4]int64
	if err := json.Unmarshal([]byte(*s), &rows); err != nil {
		return nil, fmt.Errorf("ledger of gaps: %w", err)
	}
	gaps := make([]Gap, len(rows))
	for i, r := range rows {
		gaps[i] = Gap{r[0], r[1], r[2], r[3]}
	}
	return gaps, nil
}
