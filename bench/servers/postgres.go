package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres starts a PostgreSQL of its own with its default settings, synced
// commits included. HTTP is where it listens; see PostgresURL.
func Postgres(core string) (*Server, error) {
	s := &Server{Name: "PostgreSQL"}
	err := s.postgres(core)
	if err != nil {
		_ = s.Stop()
		return nil, fmt.Errorf("%w (apt-get install postgresql)", err)
	}
	return s, nil
}

func (s *Server) postgres(core string) error {
	bin := ""
	if path, err := exec.LookPath("initdb"); err == nil {
		bin = filepath.Dir(path)
	} else if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin"); len(found) > 0 { // Debian keeps them out of the path
		bin = slices.Max(found)
	}
	var err error
	if s.Dir, err = s.temporary(); err != nil {
		return err
	}
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // it refuses to run as root
		if attr.Credential, err = nobody(); err != nil {
			return err
		}
		if err := os.Chown(s.Dir, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
			return err
		}
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

// nobody is an account other than root.
func nobody() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}
