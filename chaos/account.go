package chaos

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// A report is one fix as its sender numbers it.
type report struct {
	driver, boot string
	seq          int64
}

// An account is what was said and what was answered. Reports of simulated
// drivers are in the ledger files, those of chaos's own clients in memory.
type account struct {
	sentFile, ackedFile string

	mu          sync.Mutex
	sent, acked map[report]struct{}
}

func newAccount(sentFile, ackedFile string) *account {
	return &account{sentFile: sentFile, ackedFile: ackedFile, sent: map[report]struct{}{}, acked: map[report]struct{}{}}
}

func (a *account) noteSent(r report)  { a.mu.Lock(); a.sent[r] = struct{}{}; a.mu.Unlock() }
func (a *account) noteAcked(r report) { a.mu.Lock(); a.acked[r] = struct{}{}; a.mu.Unlock() }

// read returns everything that was sent and everything that was acknowledged.
func (a *account) read() (sent, acked map[report]struct{}, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sent, acked = make(map[report]struct{}), make(map[report]struct{})
	for _, x := range []struct {
		file string
		own  map[report]struct{}
		into map[report]struct{}
	}{{a.sentFile, a.sent, sent}, {a.ackedFile, a.acked, acked}} {
		if err := readLedger(x.file, x.into); err != nil {
			return nil, nil, err
		}
		for r := range x.own {
			x.into[r] = struct{}{}
		}
	}
	return sent, acked, nil
}

// readLedger reads a file of lines "driver boot seq". The last one may be cut
// short, for the fleet may be writing it.
func readLedger(path string, into map[report]struct{}) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no simulated fleet
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var r report
		if _, err := fmt.Sscan(line, &r.driver, &r.boot, &r.seq); err != nil {
			return fmt.Errorf("ledger %s: line %q: %w", path, line, err)
		}
		into[r] = struct{}{}
	}
}

// A balance compares an account with the rows of the database.
type balance struct {
	acked, rows, distinct, lost, invented int
	missing                               []report // some that are lost
}

func (a *account) balance(rows map[report]int) (balance, error) {
	sent, acked, err := a.read()
	if err != nil {
		return balance{}, err
	}
	b := balance{acked: len(acked), distinct: len(rows)}
	for r, n := range rows {
		b.rows += n
		if _, ok := sent[r]; !ok {
			b.invented++
		}
	}
	for r := range acked {
		if rows[r] == 0 {
			b.lost++
			if len(b.missing) < 5 {
				b.missing = append(b.missing, r)
			}
		}
	}
	return b, nil
}
