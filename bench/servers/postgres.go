package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/internal/pgserver"
)

// Postgres starts a PostgreSQL of its own with its default settings, synced
// commits included. HTTP is where it listens; see PostgresURL.
func Postgres(core string) (*Server, error) {
	s := &Server{Name: "PostgreSQL"}
	err := s.postgres(core)
	if err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) postgres(core string) error {
	bin, err := pgserver.Binaries()
	if err != nil {
		return err
	}
	if s.Dir, err = s.temporary(); err != nil {
		return err
	}
	attr := &syscall.SysProcAttr{}
	if attr.Credential, err = pgserver.Own(s.Dir); err != nil {
		return err
	}
	data := filepath.Join(s.Dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
	initdb.Dir, initdb.SysProcAttr = s.Dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.HTTP, err = freeAddr(); err != nil {
		return err
	}
	s.credential = attr.Credential
	if err := s.start(core, os.Environ(), filepath.Join(bin, "postgres"), "-D", data, "-k", s.Dir, "-h", "127.0.0.1", "-p", port(s.HTTP)); err != nil {
		return err
	}
	return s.await(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, s.PostgresURL())
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// PostgresURL returns how to connect to a server that Postgres started.
func (s *Server) PostgresURL() string {
	return "postgres://postgres@" + s.HTTP + "/postgres?sslmode=disable"
}
