package stream

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
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
	*server.Server
	lock *os.File
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
	s, err := server.NewServer(&server.Options{
		ServerName:             "dray",
		DontListen:             true,
		NoSigs:                 true,
		JetStream:              true,
		DisableJetStreamBanner: true,
		StoreDir:               dir,
		MaxPayload:             maxPayload,
		JetStreamMaxMemory:     64 << 20,
		JetStreamMaxStore:      math.MaxInt64 / 2, // the streams carry the limit
		SyncAlways:             sync == SyncAlways,
		SyncInterval:           time.Second,
	})
	if err != nil {
		lock.Close()
		return nil, err
	}
	e := &embedded{s, lock}
	s.SetLoggerV2(serverLog{log}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		e.stop()
		return nil, errors.New("embedded server did not start within 30s")
	}
	if err := e.assertSync(sync); err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

// assertSync refuses to go on with a server that would acknowledge before the
// disk has the record.
func (e *embedded) assertSync(sync string) error {
	c := e.JetStreamConfig()
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
	e.Shutdown()
	e.WaitForShutdown()
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
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(f string, v ...any) { l.log.Debug(fmt.Sprintf(f, v...)) }
func (l serverLog) Warnf(f string, v ...any)   { l.log.Warn(fmt.Sprintf(f, v...)) }
func (l serverLog) Errorf(f string, v ...any)  { l.log.Error(fmt.Sprintf(f, v...)) }
func (l serverLog) Fatalf(f string, v ...any)  { l.log.Error(fmt.Sprintf(f, v...)) }
func (l serverLog) Debugf(string, ...any)      {}
func (l serverLog) Tracef(string, ...any)      {}
