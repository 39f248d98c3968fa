package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/chaos"
	"github.com/dray-fleet/dray/internal/breakage"
)

func newChaos() *cobra.Command {
	var o chaos.Options
	var broken string
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Break dray on purpose and check what it promises",
		Long: "Break dray on purpose and check what it promises: see docs/reliability.md.\n\n" +
			"Starts its own processes on loopback ports in a directory of its own; nothing that runs is touched.\n" +
			"Standard output has one line of JSON for each fault.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			o.Out, o.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if broken != "" {
				if !breakage.Possible || !slices.Contains(breakage.Names, broken) {
					return fmt.Errorf("--break takes a program built with -tags breakage, and one of %s", strings.Join(breakage.Names, ", "))
				}
				o.Env = []string{"BREAK_DRAY=" + broken}
			}
			_, err = chaos.Run(cmd.Context(), o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Faults, "faults", nil, "only these, such as F1,F2")
	f.BoolVar(&o.Short, "short", false, "the short subset, each with fewer repetitions")
	f.StringVar(&o.Dir, "out", "", "directory for data and logs, kept; default a temporary one, kept only after a breach")
	f.StringVar(&o.Previous, "previous", "", "another version's program: break nothing, but upgrade from that under load")
	f.StringVar(&broken, "break", "", "a protection to take away")
	if err := f.MarkHidden("break"); err != nil {
		panic(err) // it is defined above
	}
	cmd.AddCommand(&cobra.Command{
		Use:    "nats ADDRESS DIRECTORY",
		Short:  "Run the NATS server that chaos breaks",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return chaos.ServeNATS(cmd.Context(), args[0], args[1])
		},
	})
	return cmd
}
