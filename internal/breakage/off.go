//go:build !breakage

package breakage

const (
	AckBeforeAppend = false // a publish is acknowledged before the stream has it
	AsyncSync       = false // the stream answers before it has written
	NoDedupe        = false // nothing tells a report that comes again
)
