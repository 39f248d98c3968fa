package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/sqlite"
	"github.com/dray-fleet/dray/stream"
)

// A backup is a tar archive: dray.db, frames/{partition}/{seq}, secret, and last
// complete, without which it was cut short. That holds the moment (RFC 3339)
// before which everything acknowledged is in the backup.
const (
	backupFrames   = "frames/"
	backupDatabase = "dray.db"
	backupSecret   = "secret"
	backupComplete = "complete"
)

// backup answers with the backup of this process, for whoever holds its secret.
//
// The database is copied first, and the stream removes no frame meanwhile: what
// is not in the copy is in a frame, up to a moment at the end of the backup.
func (n *node) backup(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, err := n.verifier.Verify(r.Context(), token)
	if err != nil || claims.Role != fleet.RoleOperator {
		http.Error(w, "a backup takes an operator's token", http.StatusUnauthorized)
		return
	}
	db, ok := n.store.(*sqlite.Store)
	if !ok || n.stream == nil || n.c.Stream.URL != "" {
		http.Error(w, "only the embedded stream and database are backed up here; see docs/reliability.md", http.StatusNotImplemented)
		return
	}
	if err := n.writeBackup(r.Context(), db, w); err != nil {
		n.log.Error("backup", "error", err)
		panic(http.ErrAbortHandler) // the archive has begun; let it be seen to be cut short
	}
}

func (n *node) writeBackup(ctx context.Context, db *sqlite.Store, w io.Writer) error {
	archive := tar.NewWriter(w)
	defer n.stream.Retain()()
	dir, err := os.MkdirTemp(n.c.Data.Dir, ".backup-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, backupDatabase)
	if err := db.Backup(ctx, path); err != nil {
		return err
	}
	if err := addFileToTar(archive, backupDatabase, path); err != nil {
		return err
	}
	until, err := n.stream.Export(ctx, func(partition int, seq uint64, frame []byte) error {
		return addToTar(archive, fmt.Sprintf("%s%d/%d", backupFrames, partition, seq), frame)
	})
	if err != nil {
		return err
	}
	secret, err := secretOf(n.c)
	if err != nil {
		return err
	}
	if err := addToTar(archive, backupSecret, secret); err != nil {
		return err
	}
	if err := addToTar(archive, backupComplete, until.UTC().AppendFormat(nil, time.RFC3339Nano)); err != nil {
		return err
	}
	return archive.Close()
}

func addToTar(archive *tar.Writer, name string, content []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: time.Now()}); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}

func addFileToTar(archive *tar.Writer, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: time.Now()}); err != nil {
		return err
	}
	_, err = io.Copy(archive, f)
	return err
}

func newBackup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all that the running server of this data directory holds to a new file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			if err := fetchBackup(cmd.Context(), c, args[0]); err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "written to", args[0])
			return err
		},
	}
}

// fetchBackup writes beside path first, so that what is at path is complete.
func fetchBackup(ctx context.Context, c *configs.Config, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already", path)
	}
	var addresses struct{ Admin string }
	b, err := os.ReadFile(filepath.Join(c.Data.Dir, "addresses.json"))
	if err != nil {
		return fmt.Errorf("no server has run in data.dir: %w", err)
	}
	if err := json.Unmarshal(b, &addresses); err != nil {
		return fmt.Errorf("addresses.json: %w", err)
	}
	secret, err := secretOf(c)
	if err != nil {
		return err
	}
	minter, err := auth.NewMinter(secret, c.Auth.Issuer, c.Auth.Audience)
	if err != nil {
		return err
	}
	token, err := minter.Mint(&auth.Claims{Subject: "backup", Fleet: auth.AnyFleet, Role: fleet.RoleOperator, ExpiresAt: time.Now().Add(time.Minute)})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addresses.Admin+"/backup", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // the status says enough without
		return fmt.Errorf("the server answers %s: %s", resp.Status, strings.TrimSpace(string(why)))
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return os.Rename(path+".new", path)
}

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
			until, err := restore(cmd, c, args[0])
			if err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "restored to %s: everything acknowledged before %s is in it\n", c.Data.Dir, until)
			return err
		},
	}
}

// restore returns the moment that the backup says it is complete up to.
func restore(cmd *cobra.Command, c *configs.Config, path string) (until string, err error) {
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
	log, err := newLogger(c, cmd.ErrOrStderr())
	if err != nil {
		return "", err
	}
	s, err := stream.Open(ctx, stream.Options{Dir: filepath.Join(c.Data.Dir, "stream"), Sync: c.Stream.Sync, MaxBytes: int64(c.Stream.MaxBytes), Logger: log})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
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
			moment, err := io.ReadAll(archive)
			return string(moment), err
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
