package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/sim"
)

func newSim() *cobra.Command {
	var o sim.Options
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Drive a simulated fleet over real MQTT",
		Long:  "Drive a simulated fleet over real MQTT.\n\nThe drivers' tokens are made with the secret of the data directory (or auth.secret).",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
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
			o.Token = func(driver string) (string, error) {
				return minter.Mint(&auth.Claims{
					Subject: driver, Fleet: o.Fleet, Role: fleet.RoleDriver, ExpiresAt: time.Now().Add(24 * time.Hour),
				})
			}
			if o.Logger, err = newLogger(c, cmd.ErrOrStderr()); err != nil {
				return err
			}
			s, err := sim.New(o)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if duration > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, duration)
				defer cancel()
			}
			if err := s.Run(ctx); err != nil {
				return err
			}
			st := s.Stats()
			fmt.Fprintf(cmd.OutOrStdout(), "published %d acknowledged %d failed %d fixes %d waiting %d\n",
				st.Published, st.Acked, st.Failed, st.Fixes, st.Waiting)
			if st.Acked == 0 {
				return errors.New("nothing was acknowledged; is the server running, and are --url and the secret its own?")
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.URL, "url", "mqtt://127.0.0.1:1883", "the broker: mqtt, mqtts, ws or wss")
	f.StringVar(&o.Fleet, "fleet", demoFleet, "the drivers' fleet")
	f.IntVar(&o.Drivers, "drivers", 20, "how many")
	f.DurationVar(&o.Interval, "interval", time.Second, "between the fixes of a driver")
	f.StringVar(&o.City, "city", "berlin", "where they drive")
	f.DurationVar(&o.Tunnel, "tunnel", 0, "about how long outages take, after which the backlog is sent; 0 is none")
	f.Uint64Var(&o.Seed, "seed", 0, "the same streets and moods for the same seed")
	f.StringVar(&o.Ledger, "ledger", "", "file to note acknowledged fixes in")
	f.DurationVar(&duration, "duration", 0, "end after this time; 0 is when interrupted")
	return cmd
}
