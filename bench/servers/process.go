package servers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A Server is a running server. Addresses that it does not have are empty.
type Server struct {
	Name      string
	MQTT      string // host:port of MQTT over TCP
	WebSocket string // URL of MQTT over WebSocket
	HTTP      string // host:port
	Admin     string // host:port of metrics and pprof
	Dir       string // removed by Stop, unless it was given
	Token     func(role, subject string) (string, error)

	credential *syscall.Credential // nil is this process's own

	cmd    *exec.Cmd
	output tail
	ended  chan struct{}
	err    error // of the process; set before ended closes
	dirs   []string
	beside []*Server // that it needs, such as a database; stopped with it
}

// startTime is the longest that a server may take until it answers.
const startTime = 30 * time.Second

// start runs a command. With core, such as "0", it runs on that core alone.
func (s *Server) start(core string, env []string, name string, args ...string) error {
	if core != "" {
		args = append([]string{"-c", core, name}, args...)
		name = "taskset"
	}
	s.cmd = exec.Command(name, args...)
	s.cmd.Env = env
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.Dir = s.Dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: s.credential,
		Pdeathsig:  syscall.SIGKILL, // a benchmark that is interrupted leaves nothing running
	}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	s.ended = make(chan struct{})
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return nil
}

// await polls ready until it says nil. What the server printed is part of the
// error.
func (s *Server) await(ready func() error) error {
	deadline := time.After(startTime)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("%s ended: %v\n%s", s.Name, s.err, s.output.String())
		case <-deadline:
			return fmt.Errorf("%s is not ready after %s: %w\n%s", s.Name, startTime, err, s.output.String())
		}
	}
}

// Stop ends the server, waits for it, and removes its directories.
func (s *Server) Stop() error {
	var errs []error
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.ended
		}
	}
	for _, b := range s.beside {
		errs = append(errs, b.Stop())
	}
	for _, dir := range s.dirs {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// temporary makes a directory that Stop removes.
func (s *Server) temporary() (string, error) {
	dir, err := os.MkdirTemp("", "dray-bench-")
	if err == nil {
		s.dirs = append(s.dirs, dir)
	}
	return dir, err
}

// reachable reports whether something listens on addr.
func reachable(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// freeAddr returns an address for a server that cannot choose one itself.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr) // of freeAddr
	return port
}

// A tail keeps the last of what a server printed.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const tailBytes = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() > tailBytes {
		t.b.Next(t.b.Len() - tailBytes/2)
	}
	return t.b.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
