package batch

import (
	"strings"

	"github.com/dray-fleet/dray/fleet"
)

// Letter returns d as any database can hold it: a dead letter is never refused
// for what is wrong with it.
func Letter(d fleet.DeadLetter) fleet.DeadLetter {
	for _, s := range []*string{&d.ID, &d.Fleet, &d.Driver, &d.Topic, &d.Field, &d.Reason} {
		*s = strings.ReplaceAll(strings.ToValidUTF8(*s, "\uFFFD"), "\x00", "\uFFFD")
	}
	if len(d.Payload) > MaxPayload {
		d.Payload = d.Payload[:MaxPayload]
	}
	if d.Payload == nil {
		d.Payload = []byte{}
	}
	return d
}
