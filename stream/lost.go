package stream

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// JetStream drops what follows a damaged record of its last file, and goes on as
// if it had never been. So before the embedded server's frame is acknowledged, its
// number is written down beside the stream, and looked for at the next start.

func (l *Log) notePath(i int) string { return filepath.Join(l.opts.Dir, "last-"+strconv.Itoa(i)) }

// keepNotes opens the note of partition i.
func (l *Log) keepNotes(i int, p *partition) error {
	if l.server == nil {
		return nil
	}
	f, err := os.OpenFile(l.notePath(i), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	p.noteFile = f
	return p.note(p.stream.CachedInfo().State.LastSeq)
}

// note writes down that frame last is there. It is not synced: what a power cut
// may take is the business of the frame's own sync.
func (p *partition) note(last uint64) error {
	if p.noteFile == nil {
		return nil
	}
	_, err := p.noteFile.WriteAt(fmt.Appendf(nil, "%s %20d\n", p.created, last), 0)
	return err
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
	if len(b) == 0 {
		return nil // the first start was killed
	}
	var created string
	var last uint64
	if _, err := fmt.Sscan(string(b), &created, &last); err != nil {
		l.log.Warn("stream: the note of the last frame cannot be read", "partition", i, "error", err)
		return nil
	}
	if now := p.stream.CachedInfo().State.LastSeq; created == p.created && now < last {
		l.m.missing.Add(float64(last - now))
		l.log.Error("stream: acknowledged frames are gone: a file of the stream is damaged", "partition", i, "frames", last-now, "last", now, "last_before", last)
	}
	return nil
}
