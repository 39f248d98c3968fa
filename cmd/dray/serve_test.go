package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What an operator gets wrong at start is said in one line that tells what to do.
func TestStartRefuses(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"busy MQTT port", []string{"DRAY_MQTT_ADDR=" + busy.Addr().String()}, nil, "address already in use"},
		{"busy HTTP port", []string{"DRAY_HTTP_ADDR=" + busy.Addr().String()}, nil, "http.addr"},
		{"busy admin port", []string{"DRAY_ADMIN_ADDR=" + busy.Addr().String()}, nil, "admin.addr"},
		{"data directory is a file", []string{"DRAY_DATA_DIR=" + file}, nil, "set data.dir"},
		{"data directory below a file", []string{"DRAY_DATA_DIR=" + file + "/below"}, nil, "set data.dir"},
		{"unknown variable", []string{"DRAY_HTTP_ADRR=:1"}, nil, "DRAY_HTTP_ADRR"},
		{"unknown flag", nil, []string{"--http.adrr=:1"}, "http.adrr"},
		{"conformance for all the world", []string{"DRAY_MQTT_CONFORMANCE=true", "DRAY_MQTT_ADDR=:0"}, nil, "loopback"},
		{"short secret", []string{"DRAY_AUTH_SECRET=short"}, nil, "32"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, stderr, err := command(t, t.TempDir(), tt.env, append([]string{"serve"}, tt.args...)...)
			line := strings.TrimSpace(stderr)
			if err == nil || !strings.Contains(line, tt.want) || strings.Count(line, "\n") > 0 || !strings.HasPrefix(line, "dray: ") {
				t.Errorf("error %v, said %q; want one line with %q", err, stderr, tt.want)
			}
		})
	}
}

// A stranger's first start: quick, small, private.
func TestFirstStart(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= 80<<20 {
		t.Errorf("the binary has %d MiB", info.Size()>>20)
	}
	dir := filepath.Join(t.TempDir(), "data")
	began := time.Now()
	p := start(t, dir)
	t.Logf("start to ready: %s", time.Since(began))
	for name, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Join(dir, "secret"): 0o600, filepath.Join(dir, "dray.db"): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: error %v, mode %s, want %s", name, err, info.Mode(), want)
		}
	}
	if kib := residentKiB(t, p.cmd.Process.Pid); kib >= 120<<10 {
		t.Errorf("idle memory is %d MiB", kib>>10)
	}
	if n := strings.Count(p.out.String(), "password"); n != 1 {
		t.Errorf("the first admin's password was printed %d times:\n%s", n, p.out.String())
	}
	if out := p.out.String(); strings.Index(out, "password") > strings.Index(out, "listening") {
		t.Errorf("the addresses are told before the first admin is there, which takes as long as a client waits:\n%s", out)
	}
	if err := p.stop(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.out.String())
	}
	p = start(t, dir)
	if strings.Contains(p.out.String(), "password") {
		t.Errorf("the second start printed a password:\n%s", p.out.String())
	}
}

// residentKiB reads the resident memory of a process (proc(5)).
func residentKiB(t *testing.T, pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
