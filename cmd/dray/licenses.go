package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
)

// licenses is of the Go modules; a test at the root of the repository keeps it.
//
//go:embed licenses.txt
var licenses string

func newLicenses() *cobra.Command {
	return &cobra.Command{
		Use:   "licenses",
		Short: "Print the licences of all that is in this program",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pages, err := fs.ReadFile(bundle(), "licenses.md")
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // built without the web
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s", licenses, pages)
			return err
		},
	}
}
