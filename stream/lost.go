package stream

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// JetStream drops what follows a damaged record of its last file, and goes on as
// if it had never been. So the embedded server's last frame is written down
// beside it every second, and looked for at the next start.

func (l *Log) notePath(i int) string { return filepath.Join(l.opts.Dir, "last-"+strconv.Itoa(i)) }

// note writes down the last frame of partition i.
func (l *Log) note(i int, p *partition) error {
	s := p.state.Load()
	if l.server == nil || s == nil || s.Last == p.noted {
		return nil
	}
	path := l.notePath(i)
	text := p.created() + " " + strconv.FormatUint(s.Last, 10) + "\n"
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	p.noted = s.Last
	return nil
}

// findLost counts the frames of partition i that were there before and are not
// any more.
func (l *Log) findLost(i int, p *partition) error {
	if l.server == nil {
		return nil
	}
	b, err := os.ReadFile(l.notePath(i))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var created string
	var last uint64
	if _, err := fmt.Sscan(string(b), &created, &last); err != nil {
		l.log.Warn("stream: the note of the last frame cannot be read", "partition", i, "error", err)
		return nil
	}
	if now := p.stream.CachedInfo().State.LastSeq; created == p.created() && now < last {
		l.m.missing.Add(float64(last - now))
		l.log.Error("stream: acknowledged frames are gone: a file of the stream is damaged", "partition", i, "frames", last-now, "last", now, "last_before", last)
	}
	return nil
}

// created names the stream's incarnation.
func (p *partition) created() string {
	return p.stream.CachedInfo().Created.UTC().Format(time.RFC3339Nano)
}
