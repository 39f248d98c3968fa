// Command bench measures dray side by side with what a user would pick instead:
// mosquitto, the bare protocol engine, and Socket.IO with PostgreSQL. Every
// server runs on one core and the load on another; every figure is the median
// of several short rounds, in which the servers take turns. It prints each
// figure as a line of JSON, then a table with the bars that they are held to.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dray-fleet/dray/bench/servers"
)

// A bench is one run of the benchmarks.
type bench struct {
	report  report
	binary  string        // dray
	folder  string        // bench/, for the Socket.IO server
	core    string        // of the servers
	rounds  int           // of each scenario
	length  time.Duration // of the load in one round
	rows    int           // of the history that a driver-day is read from
	backlog int           // publications that ingest finds in the stream, at least
	cpu     string        // folder for CPU profiles of dray; empty is none

	profiles int // written so far
}

// scenarios in their order; each runs one round of it.
var scenarios = []struct {
	name, about string
	round       func(*bench, context.Context) error
	once        bool // its rounds are inside
}{
	{"publish", "QoS 1 publishes, 200 drivers, 16 in flight, one dispatcher who gets every one", (*bench).publish, false},
	{"fanout", "50 dispatchers on the raw wildcard, at a rate at which all of them keep up", (*bench).fanOut, false},
	{"live", "2,000 drivers at 1 message/s, watched by 50 dispatchers: raw or as live frames", (*bench).live, false},
	{"latency", "1,000 messages/s to 10 dispatchers", (*bench).latency, false},
	{"idle", "memory of an idle connection", (*bench).idle, false},
	{"storm", "5,000 connects with HS256 tokens at once, with a fleet being watched meanwhile", (*bench).storm, false},
	{"stalled", "a subscriber that never reads, beside others who do", (*bench).stalled, false},
	{"drain", "a backlog of the stream worked off by ingest", (*bench).drain, false},
	{"status", "200 statuses/s of drivers, until a dispatcher has them after their commit", (*bench).status, false},
	{"store", "positions into the databases", (*bench).store, false},
	{"read", "out of databases that are full", (*bench).read, true},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if part, err := servers.Part(ctx, args); part {
		return err
	}
	b := &bench{report: report{out: os.Stdout}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.binary, "dray", "bin/dray", "the program to measure")
	flags.StringVar(&b.folder, "folder", "bench", "where this command's source is")
	flags.StringVar(&b.core, "core", "0", "the core for the servers; start this command on another one")
	flags.IntVar(&b.rounds, "rounds", 5, "of each scenario")
	flags.DurationVar(&b.length, "length", 4*time.Second, "of the load in one round")
	flags.IntVar(&b.rows, "rows", 1_000_000, "of the history that a driver-day is read from")
	flags.IntVar(&b.backlog, "backlog", 500_000, "of publications that ingest works off, at least")
	flags.StringVar(&b.cpu, "profile", "", "folder for CPU profiles of dray")
	only := flags.String("only", "", "scenarios, separated by commas; default all")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil { // servers run in folders of their own
		return fmt.Errorf("-dray: %w", err)
	}
	if err := raiseFileLimit(); err != nil {
		return err
	}
	defer b.report.table() // of what was measured, however it ends
	for _, s := range scenarios {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), s.name) {
			continue
		}
		b.report.begin(s.name, s.about)
		rounds := b.rounds
		if s.once {
			rounds = 1
		}
		for range rounds {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.round(b, ctx); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// raiseFileLimit lets this process and the servers that it starts open as many
// files as the system allows.
func raiseFileLimit() error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("file limit: %w", err)
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("file limit: %w", err)
	}
	return nil
}
