package main

import "github.com/dray-fleet/dray/fleet"

// vitals tells the API how the way of a publication into the store is doing.
func (n *node) vitals() fleet.Vitals {
	s := n.stream.State()
	v := fleet.Vitals{
		StreamBytes: int64(s.Bytes), StreamMaxBytes: int64(s.MaxBytes), Fill: s.Fill, Backlog: int64(s.Backlog), Full: s.Full,
	}
	if n.ingest != nil {
		v.Saved, v.SaveDelay = n.ingest.Delay()
	}
	return v
}
