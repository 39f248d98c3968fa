package chaos

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	startTime = 30 * time.Second // to be ready
	stopTime  = 20 * time.Second // to end after SIGTERM
)

// A process is one program under test, on fixed ports, so that it comes back
// where its clients look for it.
type process struct {
	name    string
	binary  string
	args    []string
	env     []string
	ready   string // URL that answers 200 once it serves; empty is at once
	logPath string
	ours    bool // its memory counts as dray's

	dir        string              // to run in; empty is this one's
	credential *syscall.Credential // to run as; nil is this one's

	cmd  *exec.Cmd
	exit chan error
	pid  atomic.Int64 // of the last start, for who watches its memory meanwhile
}

// start runs the process without waiting until it serves.
func (p *process) start() error {
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(p.binary, p.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, log, log
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: p.credential,
		Setpgid:    true,            // an interrupt at the terminal is for chaos alone
		Pdeathsig:  syscall.SIGKILL, // and nothing outlives it
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	exit := make(chan error, 1)
	go func() { exit <- cmd.Wait() }()
	p.cmd, p.exit = cmd, exit
	p.pid.Store(int64(cmd.Process.Pid))
	return nil
}

// up starts the process and waits until it is ready.
func (p *process) up(ctx context.Context) error {
	if err := p.start(); err != nil {
		return err
	}
	return p.waitReady(ctx)
}

func (p *process) waitReady(ctx context.Context) error {
	if p.ready == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return poll(ctx, p.name+" ready", func() (bool, error) {
		select {
		case err := <-p.exit:
			p.exit <- err
			return false, fmt.Errorf("%s ended before it was ready (%v): see %s", p.name, err, p.logPath)
		default:
		}
		status, _ := get(ctx, p.ready, "")
		return status == http.StatusOK, nil
	})
}

func (p *process) signal(s syscall.Signal) error {
	if p.cmd == nil {
		return nil
	}
	return p.cmd.Process.Signal(s)
}

// kill ends the process as a power switch would, and waits.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended already
	p.exit <- <-p.exit
}

// term asks the process to end and returns how long that took.
func (p *process) term() (time.Duration, error) {
	began := time.Now()
	if err := p.signal(syscall.SIGTERM); err != nil {
		return 0, fmt.Errorf("terminate %s: %w", p.name, err)
	}
	select {
	case err := <-p.exit:
		p.exit <- err
		if err != nil {
			err = fmt.Errorf("%s ended with %w", p.name, err)
		}
		return time.Since(began), err
	case <-time.After(stopTime):
		return 0, fmt.Errorf("%s has not ended %s after SIGTERM", p.name, stopTime)
	}
}

// running reports whether the process has not ended.
func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case err := <-p.exit:
		p.exit <- err
		return false
	default:
		return true
	}
}

// resident returns the memory of the process in bytes, 0 when it has ended (proc(5)).
func (p *process) resident() int64 {
	b, err := os.ReadFile("/proc/" + strconv.FormatInt(p.pid.Load(), 10) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64) // the kernel writes a number
			return kib << 10
		}
	}
	return 0
}

// poll calls done until it is true, fails, or ctx is over.
func poll(ctx context.Context, what string, done func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}

// get asks for url with a bearer token, if any, and returns the status and the
// answer. Status 0 is no answer within three seconds.
func get(ctx context.Context, url, token string) (int, *answer) {
	return request(ctx, http.MethodGet, url, token)
}

// freeAddr returns an address of this machine that nobody listens on.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// diskUsed returns the bytes of the files below dir. Files come and go meanwhile.
func diskUsed(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil {
			return nil // it has gone
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

// wait pauses, unless ctx is over first.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
