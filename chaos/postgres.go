package chaos

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dray-fleet/dray/internal/pgserver"
)

// A postgres is a cluster of PostgreSQL of its own.
type postgres struct {
	process
	url string
}

// newPostgres makes a cluster in dir without starting it.
func newPostgres(ctx context.Context, dir string) (*postgres, error) {
	bin, err := pgserver.Binaries()
	if err != nil {
		return nil, notHad("%s", err)
	}
	data := filepath.Join(dir, "postgres")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	credential, err := pgserver.Own(data)
	if err != nil {
		return nil, err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
	initdb.Dir, initdb.SysProcAttr = data, &syscall.SysProcAttr{Credential: credential}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	return &postgres{
		process: process{
			name: "postgres", binary: filepath.Join(bin, "postgres"), dir: data, credential: credential,
			args: []string{"-D", data, "-k", data, "-h", "127.0.0.1", "-p", port}, env: os.Environ(),
			logPath: filepath.Join(dir, "postgres.log"),
		},
		url: "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable",
	}, nil
}

// up starts the cluster and waits until it answers.
func (p *postgres) up(ctx context.Context) error {
	if err := p.start(); err != nil {
		return err
	}
	db, err := sql.Open("pgx", p.url)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return poll(ctx, "PostgreSQL up", func() (bool, error) { return db.PingContext(ctx) == nil, nil })
}

// stopNow ends the cluster as a crash would: all its processes at once
// (PostgreSQL documentation, section 19.5: SIGQUIT is immediate shutdown).
func (p *postgres) stopNow() error {
	if err := p.signal(syscall.SIGQUIT); err != nil {
		return err
	}
	p.exit <- <-p.exit
	return nil
}
