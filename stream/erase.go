package stream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// subjectLetGo is heard by every process when something was erased: only one
// that reads a partition knows when everything in it is acknowledged.
const subjectLetGo = "letgo"

// LetGo has what was erased leave the disk, and not only be read no more: frames
// that are acknowledged lie in the partition's last file until as much again has
// been written. Each partition lets go of its files as soon as everything in it
// is acknowledged. What goes on without a pause turns its files over by itself.
func (l *Log) LetGo() error {
	l.letGo()
	if l.server != nil {
		return nil
	}
	return l.Send(subjectLetGo, nil)
}

func (l *Log) letGo() {
	for _, p := range l.parts {
		p.letGo.Store(true)
	}
}

// hearLetGo listens to the other processes of a cluster.
func (l *Log) hearLetGo() error {
	if l.server != nil {
		return nil
	}
	_, err := l.Listen(subjectLetGo, func(string, []byte) { l.letGo() }) // ends with the connection
	return err
}

// empty is a frame without a record.
var empty = []byte{frameVersion}

// release removes every frame, if all are acknowledged and somebody waits for it.
// Then JetStream drops its files; an empty frame keeps the numbering in their
// stead. It finds a place only while nothing else has come: if it does not, the
// files may not have been dropped, and a later call tries again.
func (p *partition) release(ctx context.Context) error {
	state := p.state.Load()
	if !p.letGo.Load() || state == nil {
		return nil
	}
	last := state.Last
	if last == 0 || p.floor.Load() != last {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if err := p.stream.Purge(ctx, jetstream.WithPurgeSequence(last+1)); err != nil {
		return err
	}
	ack, err := p.js.Publish(ctx, p.subject, empty, jetstream.WithExpectLastSequence(last), jetstream.WithRetryAttempts(0))
	if isNotLast(err) {
		return nil
	}
	if err != nil {
		return err
	}
	p.letGo.Store(false)
	p.floor.CompareAndSwap(last, ack.Sequence) // nobody needs to read it
	return nil
}

// isNotLast reports whether something else has become the last message.
func isNotLast(err error) bool {
	var js jetstream.JetStreamError
	if !errors.As(err, &js) || js.APIError() == nil {
		return false
	}
	code := js.APIError().ErrorCode
	return code == jetstream.JSErrCodeStreamWrongLastSequence || code == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}
