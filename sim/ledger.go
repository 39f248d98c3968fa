package sim

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"
)

// A ledger is a file with one line "driver boot seq" for every fix that was
// acknowledged. A line may be missing for the newest (it is synced a few times
// a second), never wrong.
type ledger struct {
	mu   sync.Mutex
	file *os.File
	w    *bufio.Writer
}

func openLedger(path string) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sim: open ledger: %w", err)
	}
	return &ledger{file: f, w: bufio.NewWriter(f)}, nil
}

// add notes acknowledged fixes. A failed write shows at the next sync.
func (l *ledger) add(driver string, fixes []fix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range fixes {
		fmt.Fprintf(l.w, "%s %s %d\n", driver, f.Boot, f.Seq)
	}
}

func (l *ledger) sync() error {
	l.mu.Lock()
	err := l.w.Flush()
	l.mu.Unlock()
	if err = errors.Join(err, l.file.Sync()); err != nil {
		return fmt.Errorf("sim: write ledger: %w", err)
	}
	return nil
}

func (l *ledger) close() error { return errors.Join(l.sync(), l.file.Close()) }
