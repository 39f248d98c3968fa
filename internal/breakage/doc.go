// Package breakage takes a protection away, so that package chaos can be seen to
// notice. Only a program built with the tag breakage can: in any other these
// are constants that are false, and the compiler leaves out what they guard.
// There BREAK_DRAY names what is broken: one of Names.
package breakage

// Names are the protections that can be taken away.
var Names = []string{"ack-before-append", "async-sync", "no-dedupe", "no-outbox"}

// Nobody hears of appends that were acknowledged before they were made.
type Nobody struct{}

func (Nobody) Appended(uint64, error) {}
func (Nobody) Flush()                 {}
