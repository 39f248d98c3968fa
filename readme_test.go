package dray_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The quick start of the README and then the examples of docs/http.md and
// docs/devices.md, from top to bottom, on the real binary. Only the ports are other ones, because the
// usual may be taken.
func TestReadmeQuickStart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	dir := t.TempDir()
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-o", filepath.Join(dir, "bin/dray"), "./cmd/dray")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make does, so that it is compiled once
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	examples := blocks(t, "README.md", "sh")
	ports := strings.NewReplacer()
	shell := func(script string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", ports.Replace(script))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "DRAY_HTTP_ADDR=127.0.0.1:0", "DRAY_MQTT_ADDR=127.0.0.1:0", "DRAY_ADMIN_ADDR=127.0.0.1:0")
		cmd.WaitDelay = 5 * time.Second
		return cmd
	}
	command := func(name string) *exec.Cmd {
		if len(examples[name]) != 1 {
			t.Fatalf("README.md has %d examples %q", len(examples[name]), name)
		}
		return shell(examples[name][0])
	}

	serve := command("serve")
	var log strings.Builder
	serve.Stdout, serve.Stderr = &log, &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- serve.Wait() }()
	defer func() {
		serve.Process.Signal(syscall.SIGTERM)
		if err := <-exited; err != nil {
			t.Errorf("serve ended with %v:\n%s", err, log.String())
		}
	}()
	addresses := waitUntilServing(t, ctx, dir)
	host, port, err := net.SplitHostPort(addresses.MQTT)
	if err != nil {
		t.Fatal(err)
	}
	ports = strings.NewReplacer("-h localhost", "-h "+host+" -p "+port, "localhost:8080", addresses.HTTP)

	watch := command("watch")
	watch.Stderr = os.Stderr
	watched, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { watch.Process.Kill(); watch.Wait() }()
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(watched).ReadString('\n')
		lines <- line
	}()

	// The watcher may not have subscribed yet, so report until it sees one.
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for seen := ""; seen == ""; {
		if out, err := command("report").CombinedOutput(); err != nil {
			t.Fatalf("report: %v\n%s", err, out)
		}
		select {
		case seen = <-lines:
			if !strings.Contains(seen, `"lat":52.52,"lon":13.405`) {
				t.Fatalf("the watcher saw %q", seen)
			}
		case <-again.C:
		case <-ctx.Done():
			t.Fatal("the watcher saw nothing")
		}
	}
	for out := ""; !strings.Contains(out, `"lat":52.52`); {
		b, err := command("read").CombinedOutput()
		if out = string(b); err != nil {
			t.Fatalf("read: %v\n%s", err, b)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("the API does not know the position; it says %s", out)
		}
	}

	for _, file := range []string{"docs/http.md", "docs/devices.md"} {
		script := strings.Join(blocks(t, file, "sh")["run"], "")
		if out, err := shell("set -v\n" + script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

type addresses struct{ HTTP, MQTT, Admin string }

// waitUntilServing returns where the server listens, when it is ready.
func waitUntilServing(t *testing.T, ctx context.Context, dir string) (a addresses) {
	t.Helper()
	ready := func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "dray-data/addresses.json"))
		if err != nil || json.Unmarshal(b, &a) != nil {
			return false
		}
		r, err := http.Get("http://" + a.Admin + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	}
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !ready() {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatal("the server did not become ready")
		}
	}
	return a
}

var goTest = regexp.MustCompile("go test -run '?([^' ]+)'? (\\S+)`")

// The tests that the README's promises name are there.
func TestReadmeNamesTestsThatExist(t *testing.T) {
	named := goTest.FindAllStringSubmatch(string(read(t, "README.md")), -1)
	if len(named) == 0 {
		t.Fatal("README.md names no tests")
	}
	for _, m := range named {
		source := testSource(t, m[2])
		for pattern := range strings.SplitSeq(m[1], `\|`) {
			if !strings.Contains(source, "\nfunc "+pattern) {
				t.Errorf("README.md names %s in %s, which is not there", pattern, m[2])
			}
		}
	}
}

// testSource returns the test files of a package, or of all below it if its
// path ends in "/...".
func testSource(t *testing.T, path string) string {
	dir, below := strings.CutSuffix(path, "/...")
	var source strings.Builder
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != dir && !below:
			return fs.SkipDir
		case strings.HasSuffix(file, "_test.go"):
			source.Write(read(t, file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return source.String()
}
