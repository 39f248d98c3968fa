package auth

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	maxKeysBytes  = 1 << 20
	lookFileEvery = time.Second
)

// fileKeys are the keys of a file, read again when the file has changed. A
// file that is gone or broken leaves the keys it had.
type fileKeys struct {
	path string
	now  func() time.Time
	log  *slog.Logger

	mu     sync.Mutex
	looked time.Time
	seen   fs.FileInfo // what was read last, or tried
	held   []key
}

func newFileKeys(path string, now func() time.Time, log *slog.Logger) (*fileKeys, error) {
	f := &fileKeys{path: path, now: now, log: log}
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	f.looked = now()
	return f, nil
}

func (f *fileKeys) keys(context.Context, string, string) ([]key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= lookFileEvery {
		f.looked = now
		if err := f.load(); err != nil {
			f.log.Error("keys file not read again, the old keys stay", "error", err)
		}
	}
	return f.held, nil
}

// load reads the file if it is not the one that was read last.
func (f *fileKeys) load() error {
	info, err := os.Stat(f.path)
	if err != nil {
		f.seen = nil
		return fmt.Errorf("keys file: %w", err)
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() {
		return nil
	}
	f.seen = info
	data, err := readKeysFile(f.path)
	if err != nil {
		f.seen = nil
		return fmt.Errorf("keys file: %w", err)
	}
	keys, err := parseKeys(data)
	if err != nil {
		return fmt.Errorf("keys file %s: %w", f.path, err)
	}
	f.held = keys
	return nil
}

func readKeysFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxKeysBytes))
}
