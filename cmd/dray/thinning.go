package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/fleet"
)

// newHistoryThin sets, removes or lists how dense history is kept. A running
// ingest takes it over within seconds.
func newHistoryThin() *cobra.Command {
	var p fleet.Policy
	var list, remove bool
	cmd := &cobra.Command{
		Use:   "thin --fleet F [--driver D] --interval 10s",
		Short: "Set how dense the history of a fleet or driver is kept from now on",
		Args:  cobra.NoArgs,
		RunE: withStore(func(cmd *cobra.Command, _ *configs.Config, s store) error {
			switch {
			case list:
				return listPolicies(cmd, s)
			case remove:
				return s.DeletePolicy(cmd.Context(), p.Fleet, p.Driver)
			case !cmd.Flags().Changed("interval"):
				return fmt.Errorf("--interval is needed, or --list or --remove")
			}
			return s.SavePolicy(cmd.Context(), p)
		}),
	}
	cmd.Flags().StringVar(&p.Fleet, "fleet", "", "the fleet")
	cmd.Flags().StringVar(&p.Driver, "driver", "", "this driver alone")
	cmd.Flags().DurationVar(&p.MinInterval, "interval", 0, "keep one position in this time, by the fix's own clock; 0s keeps all")
	cmd.Flags().BoolVar(&remove, "remove", false, "go back to the fleet's interval, or to ingest.min_interval")
	cmd.Flags().BoolVar(&list, "list", false, "list what is set")
	return cmd
}

func listPolicies(cmd *cobra.Command, s store) error {
	policies, err := s.Policies(cmd.Context())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FLEET\tDRIVER\tINTERVAL")
	for _, p := range policies {
		driver := p.Driver
		if driver == "" {
			driver = "(all)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Fleet, driver, p.MinInterval.Round(time.Millisecond))
	}
	return w.Flush()
}
