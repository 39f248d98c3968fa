package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// partition is F6: the network between broker and stream fails in four ways. The
// broker acknowledges nothing meanwhile, and everything goes on after.
func partition(ctx context.Context, r *rig) error {
	var between *proxy
	a, err := r.upApart(ctx, func(target string) (_ string, err error) {
		if between, err = newProxy(target); err != nil {
			return "", err
		}
		r.closers = append(r.closers, between.close)
		return between.ln.Addr().String(), nil
	})
	if err != nil {
		return err
	}
	if err := r.load(ctx, 40, 1); err != nil {
		return err
	}
	before := r.goroutines(ctx, a.broker)
	for _, m := range []struct {
		name string
		mode mode
	}{{"drop", drop}, {"freeze", freeze}, {"one way", oneWay}, {"reset", reset}} {
		if err := wait(ctx, 2*time.Second); err != nil {
			return err
		}
		between.set(m.mode)
		began := time.Now()
		if err := wait(ctx, 7*time.Second); err != nil {
			return err
		}
		if r.flows(ctx, began.Add(time.Second)) {
			r.breach("%s: acknowledged without the stream", m.name)
		}
		between.set(pass)
		if err := r.recovered(ctx, time.Now(), 15*time.Second); err != nil {
			return err
		}
	}
	if err := wait(ctx, 3*time.Second); err != nil {
		return err
	}
	if after := r.goroutines(ctx, a.broker); after > 2*before+100 {
		r.breach("goroutines grew from %d to %d", before, after)
	}
	return r.settle(ctx)
}

func (r *rig) goroutines(ctx context.Context, p *process) int {
	_, a := get(ctx, r.admins[p.name]+"/metrics", "")
	return int(a.metric("go_goroutines"))
}

// flipBit is F17: a bit of the stream's file turns over while the server is
// down. What cannot be read any more is lost; it must not be lost in silence.
func flipBit(ctx context.Context, r *rig) error {
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 50, 2); err != nil {
		return err
	}
	lock, err := r.lockSQLite(ctx) // so that there is a backlog to harm
	if err != nil {
		return err
	}
	if err := wait(ctx, 3*time.Second); err != nil {
		return err
	}
	p.kill()
	r.endLoad()
	if err := lock(); err != nil {
		return err
	}
	path, err := flip(filepath.Join(r.dir, "serve", "stream"))
	if err != nil {
		return err
	}
	if err := p.up(ctx); err != nil {
		r.note("the start was refused: %v", err)
		return nil
	}
	if err := wait(ctx, 5*time.Second); err != nil {
		return err
	}
	rows, err := r.db.rows(ctx)
	if err != nil {
		return err
	}
	b, err := r.account.balance(rows)
	if err != nil {
		return err
	}
	r.result.Acked, r.result.Rows, r.result.Distinct = b.acked, b.rows, b.distinct
	r.result.Lost, r.result.Doubled = b.lost, b.rows-b.distinct
	_, metrics := get(ctx, r.admins["serve"]+"/metrics", "")
	told := metrics.metric("dray_stream_corrupt_frames_total") + metrics.metric("dray_stream_missing_frames_total")
	r.note("a bit of %s was turned over: %d of %d acknowledged cannot be read any more, %.0f frames told as corrupt or missing", filepath.Base(path), b.lost, b.acked, told)
	if b.lost > 0 && told == 0 {
		r.breach("%d were lost in silence", b.lost)
	}
	return nil
}

// flip turns over a bit in the middle of the largest message block.
func flip(dir string) (string, error) {
	var largest string
	var size int64
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".blk" || !strings.Contains(path, "DRAY_UPLINK") {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	})
	if err != nil || size == 0 {
		return "", fmt.Errorf("no message block in %s: %w", dir, err)
	}
	f, err := os.OpenFile(largest, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, size*3/4); err != nil {
		return "", err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b, size*3/4)
	return largest, err
}

// countSyncs is F13. A power cut cannot be had here; instead the kernel is asked
// how often the server made it write: at least once for each frame that it
// acknowledged. JetStream opens its files with O_SYNC, so each write to them is
// one.
func countSyncs(ctx context.Context, r *rig) error {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return notHad("strace is not installed, and a file system that forgets cannot be had without a kernel module")
	}
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	if err := r.load(ctx, 20, 1); err != nil {
		return err
	}
	frames := func() float64 {
		_, m := get(ctx, r.admins["serve"]+"/metrics", "")
		return m.metric("dray_stream_append_seconds_count")
	}
	trace := filepath.Join(r.dir, "strace")
	cmd := exec.Command(strace, "-f", "-y", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", trace, "-p", strconv.Itoa(p.cmd.Process.Pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := wait(ctx, 2*time.Second); err != nil {
		return err
	}
	before := frames()
	if err := wait(ctx, 5*time.Second); err != nil {
		return err
	}
	acknowledged := frames() - before
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	_ = cmd.Wait() // strace ends with the signal's status
	b, err := os.ReadFile(trace)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return notHad("strace may not attach here")
	}
	writes, syncs := 0, 0
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, "DRAY_UPLINK") || !strings.Contains(line, ".blk") {
			continue
		}
		call := strings.Fields(line)
		switch {
		case slices.ContainsFunc(call, func(s string) bool { return strings.HasPrefix(s, "write(") || strings.HasPrefix(s, "pwrite64(") }):
			writes++
		case strings.Contains(line, "sync("):
			syncs++
		}
	}
	flags, err := openFlags(p.cmd.Process.Pid, ".blk")
	if err != nil {
		return err
	}
	synchronous := flags&syscall.O_SYNC == syscall.O_SYNC
	r.note("%.0f frames acknowledged; %d writes to their files (opened with O_SYNC: %v) and %d syncs", acknowledged, writes, synchronous, syncs)
	made := syncs
	if synchronous {
		made += writes
	}
	if float64(made) < acknowledged {
		r.breach("%.0f frames were acknowledged with %d syncs", acknowledged, made)
	}
	return r.settle(ctx)
}

// openFlags returns the flags of an open file of process pid whose name ends so
// (proc(5), fdinfo).
func openFlags(pid int, suffix string) (int, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	entries, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		name, err := os.Readlink(dir + "/fd/" + e.Name())
		if err != nil || !strings.HasSuffix(name, suffix) {
			continue
		}
		b, err := os.ReadFile(dir + "/fdinfo/" + e.Name())
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "flags:"); ok {
				flags, err := strconv.ParseInt(strings.TrimSpace(rest), 8, 64)
				return int(flags), err
			}
		}
	}
	return 0, fmt.Errorf("process %d has no open %s", pid, suffix)
}
