package fleet

import "time"

// A Publication is one PUBLISH of a driver or device on its way from the broker
// through the durable stream to ingest, with who sent it. The identity comes
// from the token, never from the payload.
type Publication struct {
	Topic      string
	Payload    []byte
	ReceivedAt time.Time
	Fleet      string // of the publisher's token
	Subject    string // of the publisher's token
	Role       Role
	Driver     string // for which driver the publisher speaks; empty when the topic says it
	Node       string // the broker node that took it
	Decoded    bool   // Payload is the fixes in the form of codec.AppendFixes: the broker has decoded them already
}

// An Acker hears what became of the publications that it appended to the
// stream. Appended is called once for each, with the token given at the append,
// in the order of the appends, after the record is synced (err nil) or cannot
// be. Flush follows when all acknowledgements of one frame have been told. Both
// are called from the framing goroutine and must not block.
type Acker interface {
	Appended(token uint64, err error)
	Flush()
}
