package chaos

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// smallDisk mounts a file system of 64 MiB on dir until close.
func (r *rig) smallDisk(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m,mode=0700"); err != nil {
		return notHad("a small file system cannot be mounted here (it takes root): %v", err)
	}
	r.mounts = append(r.mounts, dir)
	return nil
}

// fill writes a file in dir until nothing more fits.
func fill(dir string) (path string, err error) {
	path = filepath.Join(dir, "fill")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2] // up to the last bytes
		} else if err != nil {
			return "", err
		}
	}
	return path, nil
}

// fillStream is F4: no space where the stream is. What cannot be written is not
// acknowledged, and when there is space again all goes on.
func fillStream(ctx context.Context, r *rig) error {
	dir := filepath.Join(r.dir, "serve", "stream")
	if err := r.smallDisk(dir); err != nil {
		return err
	}
	p, err := r.serve(ctx, "DRAY_STREAM_MAX_BYTES=1GiB") // more than there is: the disk must be what says no
	if err != nil {
		return err
	}
	if err := r.load(ctx, 50, 1); err != nil {
		return err
	}
	if err := wait(ctx, 3*time.Second); err != nil {
		return err
	}
	filled, err := fill(dir)
	if err != nil {
		return err
	}
	if err := r.refuses(ctx); err != nil {
		return err
	}
	if err := os.Remove(filled); err != nil {
		return err
	}
	if err := r.recovered(ctx, time.Now(), 15*time.Second); err != nil {
		return err
	}
	if !r.flows(ctx, time.Now().Add(-time.Second)) { // told as a breach already; look what is lost besides
		p.kill()
		if err := p.up(ctx); err != nil {
			return err
		}
	}
	return r.settle(ctx)
}

// refuses waits until nothing is acknowledged any more and readiness says so.
func (r *rig) refuses(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := poll(limit, "refused", func() (bool, error) {
		return !r.flows(ctx, time.Now().Add(-2*time.Second)), nil
	}); err != nil && ctx.Err() == nil {
		r.breach("publishes are acknowledged with a full disk")
	}
	if status, _ := get(ctx, r.processes[0].ready, ""); status == http.StatusOK {
		r.breach("readiness says yes with a full disk")
	}
	return wait(ctx, 5*time.Second)
}

// fillDatabase is F5: no space where the database is. Drivers do not notice.
func fillDatabase(ctx context.Context, r *rig) error {
	dir := filepath.Join(r.dir, "serve")
	if err := r.smallDisk(dir); err != nil {
		return err
	}
	elsewhere := filepath.Join(r.dir, "stream")
	if err := errors.Join(os.Mkdir(elsewhere, 0o700), os.Symlink(elsewhere, filepath.Join(dir, "stream"))); err != nil {
		return err
	}
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 50, 1); err != nil {
		return err
	}
	if err := wait(ctx, 3*time.Second); err != nil {
		return err
	}
	filled, err := fill(dir)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := wait(ctx, 10*time.Second); err != nil {
		return err
	}
	if !r.flows(ctx, began.Add(8*time.Second)) {
		r.breach("nothing is acknowledged while the database has no space")
	}
	if status, a := get(ctx, p.ready, ""); status != http.StatusServiceUnavailable || !bytes.Contains(a.body, []byte("is full")) {
		r.breach("readiness says %d %s with a full disk", status, a.body)
	}
	if log, err := os.ReadFile(p.logPath); err != nil || !bytes.Contains(log, []byte("disk is full")) {
		r.breach("the log does not say that the disk is full (%v)", err)
	}
	if err := os.Remove(filled); err != nil {
		return err
	}
	if err := r.recovered(ctx, time.Now(), 10*time.Second); err != nil {
		return err
	}
	if status, a := get(ctx, p.ready, ""); status != http.StatusOK {
		r.breach("readiness says %d %s when there is space again", status, a.body)
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	letters, err := r.db.number(ctx, "SELECT count(*) FROM dead_letters")
	if err != nil || letters > 0 {
		r.breach("%d dead letters for want of space (%v)", letters, err)
	}
	return nil
}
