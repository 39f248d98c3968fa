package main

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/stream"
)

// restoring is a file in a data directory whose restore is under way, or was cut
// short: no server starts there.
const restoring = "restoring"

func newRestore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Fill an empty data directory from a backup",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			moments, err := restore(cmd, c, args[0])
			if err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			all, reported, _ := strings.Cut(moments, "\n")
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "restored to %s: everything acknowledged before %s is in it, and what drivers reported before %s\n",
				c.Data.Dir, all, cmp.Or(reported, all))
			return err
		},
	}
}

// restore returns the moments that the backup says it is complete up to.
func restore(cmd *cobra.Command, c *configs.Config, path string) (moments string, err error) {
	ctx := cmd.Context()
	if entries, err := os.ReadDir(c.Data.Dir); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty", c.Data.Dir)
	}
	if err := dataDir(c); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	unfinished := filepath.Join(c.Data.Dir, restoring)
	if err := os.WriteFile(unfinished, nil, 0o600); err != nil {
		return "", err
	}
	log, err := newLogger(c, cmd.ErrOrStderr())
	if err != nil {
		return "", err
	}
	s, err := stream.Open(ctx, stream.Options{Dir: filepath.Join(c.Data.Dir, "stream"), Sync: c.Stream.Sync, MaxBytes: int64(c.Stream.MaxBytes), Logger: log})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	proofs, err := s.Objects(ctx, proofBucket)
	if err != nil {
		return "", err
	}
	archive := tar.NewReader(f)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return "", errors.New("the backup is not complete")
		}
		if err != nil {
			return "", err
		}
		var partition int
		var seq uint64
		switch {
		case h.Name == backupComplete:
			moments, err := io.ReadAll(archive)
			return string(moments), errors.Join(err, os.Remove(unfinished))
		case h.Name == backupDatabase || h.Name == backupSecret:
			if err := extract(archive, filepath.Join(c.Data.Dir, h.Name)); err != nil {
				return "", err
			}
		case strings.HasPrefix(h.Name, backupFrames):
			if _, err := fmt.Sscanf(h.Name, backupFrames+"%d/%d", &partition, &seq); err != nil {
				return "", fmt.Errorf("entry %q: %w", h.Name, err)
			}
			frame, err := io.ReadAll(archive)
			if err != nil {
				return "", err
			}
			if err := s.Import(ctx, partition, frame); err != nil {
				return "", err
			}
		case strings.HasPrefix(h.Name, backupProofs):
			data, err := io.ReadAll(archive)
			if err != nil {
				return "", err
			}
			if err := proofs.Put(ctx, strings.TrimPrefix(h.Name, backupProofs), data); err != nil {
				return "", err
			}
		default:
			return "", fmt.Errorf("entry %q is not one of a backup", h.Name)
		}
	}
}

func extract(r io.Reader, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}
