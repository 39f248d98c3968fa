package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrBreached reports that a promise was broken.
var ErrBreached = errors.New("a promise was broken")

// faultTime is the most that one fault may take.
const faultTime = 2 * time.Minute

// Options says what to break. Binary is required; the rest may be zero.
type Options struct {
	Binary   string    // the dray that is run
	Previous string    // another version of it: nothing is broken then, but upgraded from that
	Faults   []string  // ids such as "F1"; default all
	Short    bool      // the short subset, with fewer repetitions
	Dir      string    // for data and logs; default a temporary one, removed when all is well
	Env      []string  // more variables for the processes
	Out      io.Writer // a JSON line for each fault; default os.Stdout
	Err      io.Writer // a line for people for each fault; default os.Stderr
}

// A Result is what came of one fault. Numbers are fixes unless they say otherwise.
type Result struct {
	ID         string    `json:"id"`
	Title      string    `json:"title"`
	Acked      int       `json:"acked"`
	Rows       int       `json:"rows"`
	Distinct   int       `json:"distinct"`
	Lost       int       `json:"lost"`
	Doubled    int       `json:"doubled"`
	Invented   int       `json:"invented"`
	Inversions int       `json:"inversions"` // of one driver's reports, at the live output
	Untold     int       `json:"untold"`     // changes of shipments that were answered with 201 and that no event came of
	Recover    float64   `json:"recover_s"`  // the longest
	Recoveries []float64 `json:"recoveries_s,omitempty"`
	RSSMax     int64     `json:"rss_max"`  // bytes, of all processes of dray together
	DiskMax    int64     `json:"disk_max"` // bytes
	Seconds    float64   `json:"seconds"`
	Notes      []string  `json:"notes,omitempty"`   // what was measured besides
	NotHad     string    `json:"not_had,omitempty"` // why the fault could not be made here
	Breaches   []string  `json:"breaches,omitempty"`
}

// Run makes the faults one after the other and returns what came of each, and
// ErrBreached if a promise was broken.
func Run(ctx context.Context, opts Options) ([]Result, error) {
	opts.Out, opts.Err = cmp.Or(opts.Out, io.Writer(os.Stdout)), cmp.Or(opts.Err, io.Writer(os.Stderr))
	chosen, err := choose(opts)
	if err != nil {
		return nil, err
	}
	temporary := opts.Dir == ""
	if temporary {
		if opts.Dir, err = os.MkdirTemp("", "dray-chaos-"); err != nil {
			return nil, err
		}
		// PostgreSQL runs as somebody else and has to get through to its own folder.
		if err := os.Chmod(opts.Dir, 0o711); err != nil {
			return nil, err
		}
	}
	var results []Result
	breached := false
	for _, f := range chosen {
		r, err := runFault(ctx, f, opts)
		if err != nil {
			return results, fmt.Errorf("chaos: %s: %w; logs are in %s", f.id, err, opts.Dir)
		}
		results = append(results, r)
		breached = breached || len(r.Breaches) > 0
		if err := r.print(opts.Out, opts.Err); err != nil {
			return results, err
		}
	}
	summarize(opts.Err, results)
	if breached {
		fmt.Fprintf(opts.Err, "logs and data: %s\n", opts.Dir)
		return results, ErrBreached
	}
	if temporary {
		return results, os.RemoveAll(opts.Dir)
	}
	return results, nil
}

func choose(opts Options) ([]fault, error) {
	if opts.Previous != "" {
		return upgrades, nil
	}
	var chosen []fault
	for _, f := range faults {
		if len(opts.Faults) > 0 && slices.Contains(opts.Faults, f.id) || len(opts.Faults) == 0 && (f.short || !opts.Short) {
			chosen = append(chosen, f)
		}
	}
	for _, id := range opts.Faults {
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.id == id }) {
			return nil, fmt.Errorf("chaos: there is no fault %q", id)
		}
	}
	return chosen, nil
}

func runFault(ctx context.Context, f fault, opts Options) (_ Result, err error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, faultTime)
	defer cancel()
	dir := filepath.Join(opts.Dir, f.id)
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return Result{}, err
	}
	r, err := newRig(opts, dir)
	if err != nil {
		return Result{}, err
	}
	r.result = Result{ID: f.id, Title: f.title}
	defer func() { err = errors.Join(err, r.close()) }()
	var missing *notHadError
	switch err := f.run(ctx, r); {
	case errors.As(err, &missing):
		r.result.NotHad = missing.reason
	case err != nil:
		return Result{}, err
	}
	r.bounded()
	r.result.Seconds = time.Since(began).Seconds()
	return r.result, nil
}

// A notHadError says why a fault cannot be made on this machine.
type notHadError struct{ reason string }

func (e *notHadError) Error() string { return e.reason }

func notHad(format string, args ...any) error { return &notHadError{fmt.Sprintf(format, args...)} }

func (r *Result) print(out, errs io.Writer) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := out.Write(append(b, '\n')); err != nil {
		return err
	}
	verdict := "ok      "
	switch {
	case len(r.Breaches) > 0:
		verdict = "BREACHED"
	case r.NotHad != "":
		verdict = "not had "
	}
	fmt.Fprintf(errs, "%-4s %s %s: acknowledged %d, lost %d, doubled %d, invented %d, inversions %d, back in %.1fs, memory %d MiB, %.0fs\n",
		r.ID, verdict, r.Title, r.Acked, r.Lost, r.Doubled, r.Invented, r.Inversions, r.Recover, r.RSSMax>>20, r.Seconds)
	for _, line := range slices.Concat(r.Notes, []string{r.NotHad}, r.Breaches) {
		if line != "" {
			fmt.Fprintf(errs, "     %s\n", line)
		}
	}
	return nil
}

func summarize(w io.Writer, results []Result) {
	var acked, lost, doubled int
	var recoveries []float64
	var breached []string
	for _, r := range results {
		acked, lost, doubled = acked+r.Acked, lost+r.Lost, doubled+r.Doubled
		recoveries = append(recoveries, r.Recoveries...)
		if len(r.Breaches) > 0 {
			breached = append(breached, r.ID)
		}
	}
	slices.Sort(recoveries)
	fmt.Fprintf(w, "%d faults: acknowledged %d, lost %d, doubled %d", len(results), acked, lost, doubled)
	if n := len(recoveries); n > 0 {
		rank := func(p int) float64 { return recoveries[(n*p+99)/100-1] } // the nearest
		fmt.Fprintf(w, "; back in p50 %.1fs, p99 %.1fs of %d", rank(50), rank(99), n)
	}
	if len(breached) > 0 {
		fmt.Fprintf(w, "; breached: %s", strings.Join(breached, " "))
	}
	fmt.Fprintln(w)
}
