package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/dray-fleet/dray/configs"
)

// run is the program. out takes what a command was asked for, errs what it says
// besides.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	root, err := newRoot()
	if err != nil {
		return err
	}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	return root.ExecuteContext(ctx)
}

func newRoot() (*cobra.Command, error) {
	root := &cobra.Command{
		Use:   "dray",
		Short: "Fleet telemetry: where every vehicle is, kept and shown",
		Long: "Fleet telemetry: where every vehicle is, kept and shown.\n\n" +
			"Every key that `dray config` prints is a setting of the file that --config names, a variable such as\n" +
			"DRAY_HTTP_ADDR, and a flag such as --http.addr; the later wins.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().String("config", "", "configuration file (YAML); 'dray config' prints one with every key and its default")
	settings := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	if err := configs.AddFlags(settings); err != nil {
		return nil, err
	}
	settings.VisitAll(func(f *pflag.Flag) { f.Hidden = true }) // `dray config` explains them better than 60 lines of each help
	root.PersistentFlags().AddFlagSet(settings)
	root.AddCommand(
		newServe(), newRole("broker", "Run the MQTT broker alone"), newRole("ingest", "Run ingest alone"),
		newRole("api", "Run the API and the web alone"),
		newMigrate(), newHistory(), newToken(), newAdmin(), newSim(), newChaos(), newBackup(), newRestore(), newBench(), newDoctor(), newConfig(), newLicenses(), newVersion(),
	)
	return root, nil
}

// load reads the configuration that a command was given.
func load(cmd *cobra.Command) (*configs.Config, error) {
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	return configs.Load(file, os.Environ(), cmd.Flags())
}

// newLogger writes text to a terminal and JSON elsewhere, unless told.
func newLogger(c *configs.Config, w io.Writer) (*slog.Logger, error) {
	opts := &slog.HandlerOptions{}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return nil, err
	}
	opts.Level = level
	f, isFile := w.(*os.File)
	if c.Log.Format == "text" || c.Log.Format == "auto" && isFile && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(w, opts)), nil
	}
	opts.ReplaceAttr = inWords
	return slog.New(slog.NewJSONHandler(w, opts)), nil
}

// inWords writes durations as the text format does, "1.5s", where JSON would
// have a number of nanoseconds.
func inWords(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}
