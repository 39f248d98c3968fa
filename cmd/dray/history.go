package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/history"
)

func newHistory() *cobra.Command {
	cmd := &cobra.Command{Use: "history", Short: "How long history is kept, and how it is packed"}
	cmd.AddCommand(newHistoryPlan(), newHistoryKeep(), newHistoryPack(), newHistoryUnpack(), newHistoryThin())
	return cmd
}

// withStore runs fn with the configured database.
func withStore(fn func(cmd *cobra.Command, c *configs.Config, s store) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) (err error) {
		c, err := load(cmd)
		if err != nil {
			return err
		}
		s, err := openStore(cmd.Context(), c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return fn(cmd, c, s)
	}
}

func newHistoryPlan() *cobra.Command {
	return &cobra.Command{
		Use:   "plan",
		Short: "Show what retention would remove now, and when the disk will be full; changes nothing",
		Args:  cobra.NoArgs,
		RunE: withStore(func(cmd *cobra.Command, c *configs.Config, s store) error {
			k := history.New(s, history.Options{MaxBytes: int64(c.Store.MaxBytes)})
			list, err := k.Plan(cmd.Context(), time.Now())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "FLEET\tPOSITIONS BEFORE\tPOSITIONS\tPACKED BYTES\tQUARANTINED\tDEAD LETTERS")
			for _, e := range list {
				before := "kept"
				if !e.Before.IsZero() {
					before = e.Before.Format(time.DateOnly)
				}
				fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\n", e.Fleet, before, e.Positions, e.Bytes, e.Quarantined, e.DeadLetters)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			f, err := k.Forecast(cmd.Context(), time.Now())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), forecastLine(f))
			return err
		}),
	}
}

// forecastLine says when the disk will be full, or why nobody knows.
func forecastLine(f fleet.Forecast) string {
	switch {
	case !f.FullAt.IsZero():
		return fmt.Sprintf("disk full on %s at the growth of the last days", f.FullAt.Format(time.DateOnly))
	case f.Since.IsZero():
		return "disk: dray has not run for long enough to say when it will be full"
	case f.Daily <= 0:
		return "disk: the database does not grow"
	case !f.HasFree:
		return "disk: the database is on another machine; set store.max_bytes to what it may take"
	}
	return "disk: not full in the next 100 years"
}

func newHistoryKeep() *cobra.Command {
	var r fleet.Retention
	cmd := &cobra.Command{
		Use:   "keep",
		Short: "Set how long the history of a fleet is kept; trips are kept for ever",
		Args:  cobra.NoArgs,
		RunE: withStore(func(cmd *cobra.Command, _ *configs.Config, s store) error {
			return s.SaveRetention(cmd.Context(), r)
		}),
	}
	cmd.Flags().StringVar(&r.Fleet, "fleet", "", "the fleet (required)")
	cmd.Flags().IntVar(&r.PackedMonths, "packed-months", 0, "months that positions are kept; 0 is for ever")
	cmd.Flags().IntVar(&r.RawDays, "raw-days", 0, "days that quarantined fixes and dead letters are kept; 0 is for ever")
	if err := cmd.MarkFlagRequired("fleet"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func newHistoryPack() *cobra.Command {
	return &cobra.Command{
		Use:   "pack",
		Short: "Pack what is over now, and not little by little; dray may run meanwhile",
		Args:  cobra.NoArgs,
		RunE: withStore(func(cmd *cobra.Command, _ *configs.Config, s store) error {
			done, trips, err := history.New(s, history.Options{}).Pack(cmd.Context(), time.Now())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d positions packed into %d driver-hours, %d trips found\n", done.Positions, done.Hours, trips)
			if err == nil && done.Left > 0 {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d positions of hours that hold too many stay as they are\n", done.Left)
			}
			return err
		}),
	}
}

func newHistoryUnpack() *cobra.Command {
	return &cobra.Command{
		Use:   "unpack",
		Short: "Turn packed history into plain rows, before going back to an older program; dray must not run meanwhile",
		Args:  cobra.NoArgs,
		RunE: withStore(func(cmd *cobra.Command, _ *configs.Config, s store) error {
			n, err := s.Unpack(cmd.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d positions are plain rows again\n", n)
			return err
		}),
	}
}
