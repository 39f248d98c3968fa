// Command soak runs the real server under a fleet that connects, drops,
// publishes, subscribes and lets tokens expire at random. While it does, and
// again and again when everybody has left, what the server holds is measured:
// live heap, goroutines and file descriptors must not grow.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/dray-fleet/dray/bench/servers"
)

// rounds are how often everybody leaves; the first ones warm caches and pools.
const (
	rounds = 6
	warmUp = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	binary := flags.String("dray", "bin/dray", "the program to soak")
	length := flags.Duration("for", 10*time.Minute, "how long")
	clients := flags.Int("clients", 2000, "clients at a time")
	rate := flags.Int("rate", 5000, "publishes a second, of all together")
	every := flags.Duration("every", 10*time.Second, "between samples under load")
	csvPath := flags.String("csv", "", "file to write the samples to")
	plotPath := flags.String("plot", "", "SVG file to draw the samples in")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *clients < 1 || *rate < 1 || *every <= 0 || *length < rounds*time.Second {
		return errors.New("clients, rate and every must be positive, and for at least some seconds")
	}
	path, err := filepath.Abs(*binary) // servers run in folders of their own
	if err != nil {
		return err
	}
	s, err := servers.Dray(path, "", "", "DRAY_LIMITS_SESSION_EXPIRY=1s")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	f := newCrowd(s, *clients, *rate)
	r := &recorder{server: s, crowd: f, began: time.Now()}
	for range rounds {
		if err := r.round(ctx, *length/rounds, *every); err != nil {
			return err
		}
	}
	table(out, r, f)
	return errors.Join(write(*csvPath, r.csv), write(*plotPath, r.plot), f.judge(), r.judge())
}

// round lets everybody come, and measures until the time is over and, once more,
// when everybody has left.
func (r *recorder) round(ctx context.Context, length, every time.Duration) error {
	round, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var clients sync.WaitGroup
	for i := range r.crowd.clients {
		clients.Go(func() { r.crowd.live(round, i) })
	}
	err := r.underLoad(round, every)
	clients.Wait()
	return cmp.Or(ctx.Err(), err, r.atRest(ctx))
}

// write has a file written, unless its path is empty.
func write(path string, content func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(content(f), f.Close())
}

func table(out io.Writer, r *recorder, f *crowd) {
	fmt.Fprintf(out, "connected %d, dropped %d, expired %d, published %d, subscribed %d, received %d, failed %d\n",
		f.connected.Load(), f.dropped.Load(), f.expired.Load(), f.published.Load(), f.subscribed.Load(), f.received.Load(), f.failed.Load())
	fmt.Fprintf(out, "under load: %.0f of %d publishes/s (median of samples), %d of %d clients connected\n\n",
		median(r.load, func(s sample) float64 { return s.rate }), f.rate, int(median(r.load, func(s sample) float64 { return s.connections })), f.clients)
	for failure, n := range f.failures {
		fmt.Fprintf(out, "failed %d times: %s\n", n, failure)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "at rest after\theap MB\tgoroutines\tfiles\tresident MB\t")
	for _, s := range r.rest {
		fmt.Fprintf(w, "%s\t%.2f\t%.0f\t%.0f\t%.0f\t\n", s.at.Round(time.Second), s.heap/1e6, s.goroutines, s.files, s.resident/1e6)
	}
	w.Flush()
}
