package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/auth"
	mqttload "github.com/dray-fleet/dray/bench/load"
	"github.com/dray-fleet/dray/fleet"
)

func newBench() *cobra.Command {
	var server string
	o := mqttload.Options{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Load a server and measure it",
		Long: "Load a server with drivers who report as fast as they are acknowledged, or at --rate, and dispatchers who watch all of them.\n\n" +
			"The tokens are made with the secret of the data directory (or auth.secret). The positions are stored like any other, in the fleet " +
			"that --fleet names. Without --rate the server's limits.message_rate is what is measured, unless it was raised.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			if o.Addr, err = benchAddr(server); err != nil {
				return err
			}
			secret, err := secretOf(c)
			if err != nil {
				return err
			}
			minter, err := auth.NewMinter(secret, c.Auth.Issuer, c.Auth.Audience)
			if err != nil {
				return err
			}
			o.Token = func(role, subject string) (string, error) {
				return minter.Mint(&auth.Claims{
					Subject: subject, Fleet: o.Fleet, Role: fleet.Role(role), ExpiresAt: time.Now().Add(time.Hour + o.Duration),
				})
			}
			r, err := mqttload.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(),
				"acknowledged  %d  %.0f/s  p50 %s  p99 %s  max %s\ndelivered     %d of %d  p50 %s  p99 %s  max %s\n",
				r.Acked, float64(r.Acked)/r.Elapsed.Seconds(), r.Ack.P50, r.Ack.P99, r.Ack.Max,
				r.Delivered, r.Expected, r.Delivery.P50, r.Delivery.P99, r.Delivery.Max)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&server, "url", "mqtt://127.0.0.1:1883", "the server: mqtt, or ws with its path")
	f.StringVar(&o.Fleet, "fleet", "bench", "the drivers' fleet")
	f.IntVar(&o.Drivers, "drivers", 200, "how many report")
	f.IntVar(&o.Dispatchers, "dispatchers", 1, "how many watch")
	f.IntVar(&o.Inflight, "inflight", 16, "unacknowledged positions of a driver")
	f.IntVar(&o.Rate, "rate", 0, "positions per second of all drivers; 0 is as many as are acknowledged")
	f.DurationVar(&o.Duration, "duration", 10*time.Second, "how long")
	return cmd
}

// benchAddr returns where a URL leads, as package load takes it.
func benchAddr(server string) (string, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil:
		return "", fmt.Errorf("--url: %w", err)
	case u.Scheme == "mqtt" && u.Port() != "":
		return u.Host, nil
	case u.Scheme == "ws":
		return server, nil
	}
	return "", fmt.Errorf("--url must be mqtt://host:port or ws://host:port/mqtt, not %q", server)
}
