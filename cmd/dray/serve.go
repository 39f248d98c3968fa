package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/sim"
)

// roles are the parts that a process runs.
type roles struct{ broker, ingest, api bool }

func newServe() *cobra.Command {
	var demo bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run everything in one process",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd, roles{broker: true, ingest: true, api: true}, demo)
		},
	}
	cmd.Flags().BoolVar(&demo, "demo", false, "add a simulated fleet")
	return cmd
}

func newRole(name, short string) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short + " (needs stream.url and store.url)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd, roles{broker: name == "broker", ingest: name == "ingest", api: name == "api"}, false)
		},
	}
}

func serve(cmd *cobra.Command, r roles, demo bool) (err error) {
	c, err := load(cmd)
	if err != nil {
		return err
	}
	if r != (roles{true, true, true}) && (c.Stream.URL == "" || c.Store.URL == "") {
		return errors.New("roles that run apart need stream.url and store.url; dray serve runs all of them in one process")
	}
	log, err := newLogger(c, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	n, err := newNode(ctx, c, r, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if demo {
		if err := n.addDemo(ctx); err != nil {
			return err
		}
	}
	created := false
	if r.api {
		if created, err = n.firstAdmin(ctx, cmd.OutOrStdout()); err != nil {
			return err
		}
	}
	if err := n.writeAddresses(); err != nil { // who reads them finds everything served
		return err
	}
	n.greet(cmd.OutOrStdout())
	if demo {
		greetDemo(cmd.OutOrStdout(), created)
	}
	return n.run(ctx)
}

// greet says where to go, for whoever has started it by hand.
func (n *node) greet(w io.Writer) {
	if n.httpListener == nil {
		return
	}
	scheme := "http"
	if n.c.HTTP.TLS.Cert != "" || len(n.c.HTTP.TLS.ACMEDomains) > 0 {
		scheme = "https"
	}
	address := hostPort(n.httpListener.Addr(), "localhost")
	fmt.Fprintf(w, "dashboard   %s://%s/\ndriver app  %s://%s/driver\n", scheme, address, scheme, address)
	if n.broker != nil {
		fmt.Fprintf(w, "MQTT        %s\n", hostPort(n.broker.Addr(), "localhost"))
	}
}

// greetDemo says what else who tries dray wants to know. created tells that the
// password has just been printed.
func greetDemo(w io.Writer, created bool) {
	if !created {
		fmt.Fprintf(w, "log in      fleet %s, user %s; a new password: %s admin reset-password --fleet %s --user %s\n",
			demoFleet, firstUser, os.Args[0], demoFleet, firstUser)
	}
	fmt.Fprintln(w, "stop        Ctrl-C")
}

// demoFleet is the fleet that is there after the first start.
const demoFleet = "demo"

// demoFences lie where the simulated drivers come by: in the middle of Berlin.
var demoFences = []fleet.Geofence{
	{Fleet: demoFleet, ID: "centre", Name: "Centre", Circle: &fleet.Circle{Center: fleet.Point{Lat: 52.5170, Lon: 13.3889}, Radius: 800}},
	{Fleet: demoFleet, ID: "south-west", Name: "South-west", Polygon: []fleet.Point{
		{Lat: 52.507, Lon: 13.345}, {Lat: 52.507, Lon: 13.370}, {Lat: 52.490, Lon: 13.370}, {Lat: 52.490, Lon: 13.345}}},
}

// addDemo has simulated drivers connect to this process, and draws geofences.
func (n *node) addDemo(ctx context.Context) error {
	for _, g := range demoFences {
		if _, err := n.store.CreateGeofence(ctx, fleet.System, g); err != nil && !errors.Is(err, fleet.ErrConflict) {
			return fmt.Errorf("demo: %w", err)
		}
	}
	s, err := sim.New(sim.Options{
		URL:      "mqtt://" + dialable(n.broker.Addr()),
		Fleet:    demoFleet,
		Drivers:  25,
		Interval: 2 * time.Second,
		Tunnel:   30 * time.Second,
		Token:    n.driverToken(demoFleet),
		Logger:   n.log,
	})
	if err != nil {
		return err
	}
	n.parts = append(n.parts, part{"demo", s.Run})
	return nil
}

// dialable returns an address of this machine for one that may be unspecified.
func dialable(addr net.Addr) string { return hostPort(addr, "127.0.0.1") }

// hostPort returns addr with this as its host if it is unspecified.
func hostPort(addr net.Addr, this string) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if net.ParseIP(host).IsUnspecified() {
		host = this
	}
	return net.JoinHostPort(host, port)
}

func newMigrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database up to this program's version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			if err := dataDir(c); err != nil {
				return err
			}
			s, err := openStore(cmd.Context(), c)
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.Migrate(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the database is up to date")
			return nil
		},
	}
}

func newConfig() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print dray.yaml: every key with its default",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(configs.YAML)
			return err
		},
	}
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
}

// dataDir creates the data directory, for its owner alone.
func dataDir(c *configs.Config) error {
	if err := os.MkdirAll(c.Data.Dir, 0o700); err != nil {
		return fmt.Errorf("data.dir: %w; set data.dir (or DRAY_DATA_DIR) to a directory that can be written", err)
	}
	if err := os.Chmod(c.Data.Dir, 0o700); err != nil {
		return fmt.Errorf("data.dir: %w; set data.dir (or DRAY_DATA_DIR) to a directory of your own", err)
	}
	if _, err := os.Lstat(filepath.Join(c.Data.Dir, restoring)); err == nil {
		return fmt.Errorf("data.dir: the restore into %s did not come to its end: empty it, and restore again", c.Data.Dir)
	}
	probe, err := os.CreateTemp(c.Data.Dir, ".write-*")
	if err != nil {
		return fmt.Errorf("data.dir cannot be written: %w; set data.dir (or DRAY_DATA_DIR) to a directory that can", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
