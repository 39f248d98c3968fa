package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the one under test, built once: these tests are about the real
// process, as an operator runs it.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "dray-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "dray")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// A process is a running `dray serve`, or one role of it, on free ports.
type process struct {
	t    testing.TB
	dir  string
	env  []string
	cmd  *exec.Cmd
	out  lockedBuffer
	exit chan error

	HTTP, MQTT, Admin string
	MQTTTLS           string `json:"mqtt_tls"`
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// environment is a stranger's: nothing of DRAY_ but what the test sets.
func environment(dir string, env ...string) []string {
	var all []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "DRAY_") {
			all = append(all, kv)
		}
	}
	return append(append(all, "DRAY_DATA_DIR="+dir, "DRAY_HTTP_ADDR=127.0.0.1:0", "DRAY_MQTT_ADDR=127.0.0.1:0",
		"DRAY_ADMIN_ADDR=127.0.0.1:0"), env...)
}

// start runs `dray serve` in dir and waits until it is ready.
func start(t testing.TB, dir string, env ...string) *process {
	t.Helper()
	return startRole(t, "serve", dir, env...)
}

func startRole(t testing.TB, role, dir string, env ...string) *process {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, dir: dir, env: env, exit: make(chan error, 1)}
	_ = os.Remove(filepath.Join(dir, "addresses.json"))
	p.cmd = exec.Command(path, role)
	p.cmd.Env = environment(dir, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.exit <- p.cmd.Wait() }()
	t.Cleanup(func() { p.kill() })
	p.waitReady()
	return p
}

func (p *process) waitReady() {
	p.t.Helper()
	p.until(30*time.Second, "ready", func() bool {
		b, err := os.ReadFile(filepath.Join(p.dir, "addresses.json"))
		if err != nil || json.Unmarshal(b, p) != nil {
			return false
		}
		resp, err := http.Get("http://" + p.Admin + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// until polls cond, which asks another process.
func (p *process) until(limit time.Duration, what string, cond func() bool) {
	p.t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case err := <-p.exit:
			p.exit <- err
			p.t.Fatalf("the server ended (%v) before it was %s:\n%s", err, what, p.out.String())
		case <-deadline:
			p.t.Fatalf("not %s after %s:\n%s", what, limit, p.out.String())
		case <-tick.C:
		}
	}
}

// kill ends the process as a power switch would, and waits.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	p.exit <- <-p.exit
}

// stop asks the process to end and returns how it did.
func (p *process) stop() error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.exit:
		p.exit <- err
		return err
	case <-time.After(20 * time.Second):
		p.t.Fatalf("not stopped after 20s:\n%s", p.out.String())
		return nil
	}
}

// command runs another subcommand in the same data directory.
func command(t testing.TB, dir string, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environment(dir, env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// token mints one with the command line.
func (p *process) token(role, sub string, more ...string) string {
	p.t.Helper()
	out, errs, err := command(p.t, p.dir, p.env, append([]string{"token", "--fleet", "acme", "--role", role, "--sub", sub}, more...)...)
	if err != nil {
		p.t.Fatalf("token: %v\n%s", err, errs)
	}
	return strings.TrimSpace(out)
}

// get fetches a JSON resource of the API into v and returns the status.
func (p *process) get(path, token string, v any) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.HTTP+"/api/v1"+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if v != nil && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, v); err != nil {
			p.t.Fatalf("%s: %v in %s", path, err, body)
		}
	}
	return resp.StatusCode
}
