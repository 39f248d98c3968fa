package stream

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// maxPayload is the largest message of the embedded server: a publication of
// 1 MiB with its names, in a frame of its own.
const maxPayload = 2 << 20

// An embedded is a JetStream server in this process, without a network
// listener, and the lock on its directory.
type embedded struct {
	dir, sync string
	log       *slog.Logger
	lock      *os.File
	broken    atomic.Bool // a write has failed: it takes no more until restart

	mu     sync.Mutex
	server *server.Server
}

// startEmbedded starts the server in dir. The server takes no lock of its own,
// and two of them in one directory would destroy it.
func startEmbedded(dir, sync string, log *slog.Logger) (*embedded, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	e := &embedded{dir: dir, sync: sync, log: log, lock: lock}
	if e.server, err = e.boot(); err != nil {
		lock.Close()
		return nil, err
	}
	return e, nil
}

// boot starts a server.
func (e *embedded) boot() (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName:             "dray",
		DontListen:             true,
		NoSigs:                 true,
		JetStream:              true,
		DisableJetStreamBanner: true,
		StoreDir:               e.dir,
		MaxPayload:             maxPayload,
		JetStreamMaxMemory:     64 << 20,
		JetStreamMaxStore:      math.MaxInt64 / 2, // the streams carry the limit
		SyncAlways:             e.sync == SyncAlways,
		SyncInterval:           time.Second,
	})
	if err != nil {
		return nil, err
	}
	s.SetLoggerV2(serverLog{e.log, &e.broken}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		err = errors.New("embedded server did not start within 30s")
	} else {
		err = assertSync(s, e.sync)
	}
	if err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, err
	}
	return s, nil
}

// InProcessConn connects to the server that runs now.
func (e *embedded) InProcessConn() (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.server.InProcessConn()
}

// revive starts a server that a failed write has put out of work anew, once
// something can be written again: JetStream itself keeps the error for ever.
func (e *embedded) revive() error {
	if !e.broken.Load() {
		return nil
	}
	if err := probe(e.dir); err != nil {
		return fmt.Errorf("nothing can be written to the stream's disk: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.server.Shutdown()
	e.server.WaitForShutdown()
	e.broken.Store(false) // before boot, which may find out that it is so again
	s, err := e.boot()
	if err != nil {
		e.broken.Store(true)
		return fmt.Errorf("restart after a failed write: %w", err)
	}
	e.server = s
	e.log.Warn("stream was started anew after a failed write")
	return nil
}

// probe writes as much as a few frames take.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, "probe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4<<20))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// assertSync refuses to go on with a server that would acknowledge before the
// disk has the record.
func assertSync(s *server.Server, sync string) error {
	c := s.JetStreamConfig()
	switch {
	case c == nil:
		return errors.New("embedded server runs without JetStream")
	case sync == SyncAlways && !c.SyncAlways:
		return errors.New("embedded server does not sync every write")
	case c.SyncInterval > time.Second:
		return fmt.Errorf("embedded server syncs only every %s", c.SyncInterval)
	}
	return nil
}

func (e *embedded) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
	e.lock.Close()
}

func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another process: %w", dir, err)
	}
	return f, nil
}

// freeBytes returns the space that is left for this user on dir's disk.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// serverLog hands the server's words to slog. Its notices are about starting up.
// That a write has failed for good it says nowhere else.
type serverLog struct {
	log    *slog.Logger
	broken *atomic.Bool
}

func (l serverLog) Noticef(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }
func (l serverLog) Warnf(f string, v ...any)   { l.log.Warn(fmt.Sprintf(f, v...)) }
func (l serverLog) Errorf(f string, v ...any) {
	text := fmt.Sprintf(f, v...)
	if strings.Contains(text, "ritical write error") {
		l.broken.Store(true)
	}
	l.log.Error(text)
}
func (l serverLog) Fatalf(f string, v ...any) { l.log.Error(fmt.Sprintf(f, v...)) }
func (l serverLog) Debugf(string, ...any)     {}
func (l serverLog) Tracef(string, ...any)     {}
