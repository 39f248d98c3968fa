package fleet

import "time"

// A Reply is the answer to a request that carries an Idempotency-Key, for the
// same request when it comes again.
type Reply struct {
	ID          []byte // hash of who asks, for what, with which key
	Request     []byte // hash of the body
	At          time.Time
	Status      int // 0 while the request runs
	ContentType string
	ETag        string
	Body        []byte
}
