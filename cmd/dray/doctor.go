package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say whether the server of this data directory is well, and what is not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			return diagnose(cmd.Context(), c.Data.Dir, cmd.OutOrStdout())
		},
	}
}

// diagnose asks the running server. It returns an error when it is not ready.
func diagnose(ctx context.Context, dir string, w io.Writer) error {
	b, err := os.ReadFile(filepath.Join(dir, "addresses.json"))
	if err != nil {
		return fmt.Errorf("no server has been started with this data directory: %w", err)
	}
	var a struct{ HTTP, MQTT, Admin string }
	if err := json.Unmarshal(b, &a); err != nil {
		return fmt.Errorf("addresses.json: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.Admin+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the server does not answer on its admin port; is it running? %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "http %s  mqtt %s  admin %s\n%s", a.HTTP, a.MQTT, a.Admin, body)
	if resp.StatusCode != http.StatusOK {
		return errors.New("the server is not ready")
	}
	return nil
}
