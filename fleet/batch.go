package fleet

import (
	"encoding/json"
	"time"
)

// An Offset is how far a batch reaches in one partition of one stream. Stream
// names the stream's incarnation, because a new stream begins at 1 again.
type Offset struct {
	Stream    string
	Partition int
	Seq       uint64
}

// A Batch is what ingest saves in one transaction. Saving it twice is saving it
// once.
type Batch struct {
	Offset        *Offset    // recorded with the batch; nil when the source has none
	Positions     []Position // history, already thinned
	Latest        []Position // the newest plausible position of each driver in the batch
	Reports       []Report
	Dispatch      []DispatchReport // of shipments and assignments, in the order of their arrival
	Dead          []DeadLetter
	Thinned       map[Source]int64 // fixes left out of history
	Receipts      []Receipt        // of the thinned ones, those with Boot and Seq
	Disagreements []Disagreement   // of drivers with several sources, in the order of their time
	Sightings     []Sighting       // of drivers whose fleet has geofences, in the order of their time
}

// A DeadLetter is a publication that can never be stored, and why.
type DeadLetter struct {
	ID         string // derived from the record's place in the stream, so that a redelivery is the same letter
	Fleet      string
	Driver     string
	Topic      string
	Field      string
	Reason     string
	ReceivedAt time.Time
	Payload    []byte // at most 64 KiB of it
}

// Saved says what of a batch was new.
type Saved struct {
	Skipped    bool // the whole batch was saved before, by its offset
	Positions  int  // rows added
	Duplicates int  // rows that were there already
	Refused    int  // reports of shipments and assignments that became dead letters
	Erased     int  // positions left out, received before their driver was erased
}

// An AuditEntry says who did what, from where.
type AuditEntry struct {
	ID                   int64
	At                   time.Time
	Fleet, Actor, Action string
	Entity, EntityID     string
	Before, After        json.RawMessage // nil when there is none
	Address              string
}
