// Command soak runs the real server under a fleet that connects, drops,
// publishes, subscribes and lets tokens expire at random. Again and again
// everybody leaves, and what the server still holds then is measured: live heap,
// goroutines and file descriptors must not grow.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/dray-fleet/dray/bench/servers"
)

// rounds are how often everybody leaves; the first ones warm caches and pools.
const (
	rounds = 12
	warmUp = 3
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
	clients := flags.Int("clients", 60, "clients at a time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := servers.Dray(*binary, "", "", "DRAY_LIMITS_SESSION_EXPIRY=1s")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	var samples []sample
	var did tally
	for range rounds {
		var fleet sync.WaitGroup
		round, cancel := context.WithTimeout(ctx, *length/rounds)
		for i := range *clients {
			fleet.Go(func() { live(round, s, i, &did) })
		}
		fleet.Wait()
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m, err := takeSample(ctx, s)
		if err != nil {
			return err
		}
		samples = append(samples, m)
	}
	table(out, samples, &did)
	if did.failed.Load() > did.connected.Load()/100 {
		return fmt.Errorf("%d operations failed", did.failed.Load())
	}
	return judge(samples[warmUp:])
}

func table(out io.Writer, samples []sample, did *tally) {
	fmt.Fprintf(out, "connected %d, dropped %d, expired %d, published %d, subscribed %d, received %d, failed %d\n\n",
		did.connected.Load(), did.dropped.Load(), did.expired.Load(), did.published.Load(), did.subscribed.Load(),
		did.received.Load(), did.failed.Load())
	if failure := did.failure.Load(); failure != nil {
		fmt.Fprintf(out, "the last failure: %s\n\n", failure)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "round\theap MB\tgoroutines\tfiles\t")
	for i, s := range samples {
		fmt.Fprintf(w, "%d\t%.2f\t%.0f\t%.0f\t\n", i+1, s.heap/1e6, s.goroutines, s.files)
	}
	w.Flush()
}
