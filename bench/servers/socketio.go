package servers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// SocketIO starts the Socket.IO server of folder (bench/socketio) with a
// PostgreSQL of its own on the same core. Its packages are installed when they
// are not there. With rooms, positions go to dispatchers alone.
func SocketIO(folder, core string, rooms bool) (*Server, error) {
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
		npm.Dir = folder
		if out, err := npm.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("npm ci in %s: %w\n%s", folder, err, out)
		}
	}
	db, err := Postgres(core)
	if err != nil {
		return nil, err
	}
	s := &Server{Name: "Socket.IO", beside: []*Server{db}}
	args := []string{"server.js"}
	if rooms {
		s.Name = "Socket.IO rooms"
		args = append(args, "--rooms")
	}
	s.Dir = folder
	if s.HTTP, err = freeAddr(); err == nil {
		err = s.start(core, append(os.Environ(), "DATABASE_URL="+db.PostgresURL(), "PORT="+port(s.HTTP)), "node", args...)
	}
	if err == nil {
		err = s.await(func() error { return reachable(s.HTTP) })
	}
	if err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}
