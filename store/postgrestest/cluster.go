package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/internal/pgserver"
)

// supervise runs the server until its standard input closes, which it does when
// the test binary is gone, and then removes the cluster. As PostgreSQL itself,
// it is not run by root.
const supervise = `
dir=$1 bin=$2 port=$3
"$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >"$dir/failed"; exit 1; }
"$bin/postgres" -D "$dir/data" -k "$dir" -h 127.0.0.1 -p "$port" -c max_connections=200 -c shared_buffers=256MB -c max_wal_size=4GB >"$dir/log" 2>&1 &
cat >/dev/null
kill -INT $!
wait $!
rm -rf "$dir"
`

// start starts a cluster and returns its address.
func start() (string, error) {
	bin, err := pgserver.Binaries()
	if err != nil {
		return "", fmt.Errorf("%w, or set TEST_POSTGRES_URL", err)
	}
	dir, err := os.MkdirTemp("", "dray-postgres-")
	if err != nil {
		return "", err
	}
	attr := &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is for the tests
	if attr.Credential, err = pgserver.Own(dir); err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	cmd := exec.Command("sh", "-c", supervise, "sh", dir, bin, strconv.Itoa(port))
	cmd.Dir, cmd.SysProcAttr = dir, attr
	if _, err := cmd.StdinPipe(); err != nil { // held open until this process ends
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return waitFor(fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port), dir, ended)
}

func waitFor(url, dir string, ended <-chan error) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return url, conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ended:
			log, _ := os.ReadFile(filepath.Join(dir, "failed"))
			return "", errors.Join(fmt.Errorf("initdb failed: %s", log), os.RemoveAll(dir))
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return "", fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, log)
		}
	}
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}
