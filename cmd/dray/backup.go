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
)

// A backup is a tar archive: dray.db, frames/{partition}/{seq}, proofs/{name},
// secret, and last complete, without which it was cut short. That holds two
// moments (RFC 3339), each on a line: before the first everything acknowledged
// is in the backup, before the second what drivers reported.
const (
	backupFrames   = "frames/"
	backupProofs   = "proofs/"
	backupDatabase = "dray.db"
	backupSecret   = "secret"
	backupComplete = "complete"
)

const (
	proofBucket = "proofs"    // of photos and signatures
	copies      = ".backup-*" // pattern of folders with a copy of the database, while a backup is written
)

// backup answers with the backup of this process, for whoever holds its secret.
//
// The database is copied first, and the stream removes no frame meanwhile: what
// drivers report and is not in the copy is in a frame, up to a moment at the end
// of the backup. What changed over HTTP is in the copy, up to when it was begun.
// Proofs come after the reports that name them.
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
	dir, err := os.MkdirTemp(n.c.Data.Dir, copies)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, backupDatabase)
	copied := time.Now()
	if err := db.Backup(ctx, path); err != nil {
		return err
	}
	if err := addFileToTar(archive, backupDatabase, path); err != nil {
		return err
	}
	reported, err := n.stream.Export(ctx, func(partition int, seq uint64, frame []byte) error {
		return addToTar(archive, fmt.Sprintf("%s%d/%d", backupFrames, partition, seq), frame)
	})
	if err != nil {
		return err
	}
	if err := n.backupProofs(ctx, archive); err != nil {
		return err
	}
	secret, err := secretOf(n.c)
	if err != nil {
		return err
	}
	if err := addToTar(archive, backupSecret, secret); err != nil {
		return err
	}
	moments := copied.UTC().Format(time.RFC3339Nano) + "\n" + reported.UTC().Format(time.RFC3339Nano)
	if err := addToTar(archive, backupComplete, []byte(moments)); err != nil {
		return err
	}
	return archive.Close()
}

func (n *node) backupProofs(ctx context.Context, archive *tar.Writer) error {
	proofs, err := n.stream.Objects(ctx, proofBucket)
	if err != nil {
		return err
	}
	return proofs.Each(ctx, func(name string) error {
		data, err := proofs.Get(ctx, name)
		if errors.Is(err, fleet.ErrNotFound) {
			return nil // erased since
		}
		if err != nil {
			return err
		}
		return addToTar(archive, backupProofs+name, data)
	})
}

// removeOldCopies removes what a process left that was killed in a backup.
func removeOldCopies(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, copies))
	for _, path := range found {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
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
