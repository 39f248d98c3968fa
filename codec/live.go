package codec

import (
	_ "embed"
	"math"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"google.golang.org/protobuf/encoding/protowire"
)

// LiveProto is the schema of live frames, for those who decode them.
//
//go:embed live.proto
var LiveProto []byte

// What a live frame flags of a driver.
const (
	LiveOnline  uint32 = 1 << iota
	LiveStale          // the fix is old
	LiveAlert          // an alert is open
	LiveBacklog        // newer fixes are on their way
)

const liveAbsent = -1

// A Frame is a live frame; live.proto says what its parts mean.
type Frame struct {
	Fleet      string
	ServerTime time.Time
	Epoch      uint64
	Sequence   uint64
	Keyframe   bool
	Entries    []LiveEntry
	Names      []LiveName
}

// A LiveEntry is one driver in a frame, in the units of the wire.
type LiveEntry struct {
	Index    uint32
	Lat, Lon int32 // 1e-7 degrees
	Speed    int32 // cm/s, -1 absent
	Heading  int32 // tenths of a degree, -1 absent
	FixAt    int64 // milliseconds since 1970
	Flags    uint32
}

// A LiveName tells which driver an index stands for.
type LiveName struct {
	Index  uint32
	Driver string
}

// NewLiveEntry returns the entry of a valid fix.
func NewLiveEntry(index uint32, f *fleet.Fix, flags uint32) LiveEntry {
	e := LiveEntry{
		Index: index, Flags: flags, FixAt: f.FixAt.UnixMilli(),
		Lat: int32(math.Round(f.Lat * 1e7)), Lon: int32(math.Round(f.Lon * 1e7)),
		Speed: liveAbsent, Heading: liveAbsent,
	}
	if f.Speed.OK {
		e.Speed = int32(math.Round(f.Speed.V * 100))
	}
	if f.Heading.OK {
		e.Heading = int32(math.Round(f.Heading.V*10)) % 3600
	}
	return e
}

// The field numbers of message Frame.
const (
	liveFleet protowire.Number = iota + 1
	liveServerTime
	liveSequence
	liveKeyframe
	liveIndex
	liveLat
	liveLon
	liveSpeed
	liveHeading
	liveAge
	liveFlags
	liveNames
	liveEpoch
)

// AppendFrame appends the encoding of f to dst. It allocates only if dst is too
// small.
func AppendFrame(dst []byte, f *Frame) []byte {
	dst = protowire.AppendTag(dst, liveFleet, protowire.BytesType)
	dst = protowire.AppendString(dst, f.Fleet)
	dst = appendVarint(dst, liveServerTime, uint64(f.ServerTime.UnixMilli()))
	dst = appendVarint(dst, liveSequence, f.Sequence)
	dst = appendVarint(dst, liveKeyframe, protowire.EncodeBool(f.Keyframe))
	for field := liveIndex; field <= liveFlags; field++ {
		dst = f.appendColumn(dst, field)
	}
	for i := range f.Names {
		dst = f.Names[i].append(dst)
	}
	return appendVarint(dst, liveEpoch, f.Epoch)
}

// appendVarint appends a number; zero is the default and is left out.
func appendVarint(dst []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = protowire.AppendTag(dst, field, protowire.VarintType)
	return protowire.AppendVarint(dst, v)
}

// appendColumn appends a packed column: its length, then its varints.
func (f *Frame) appendColumn(dst []byte, field protowire.Number) []byte {
	if len(f.Entries) == 0 {
		return dst
	}
	size := 0
	var prev LiveEntry
	for i := range f.Entries {
		size += protowire.SizeVarint(f.cell(field, &f.Entries[i], &prev))
		prev = f.Entries[i]
	}
	dst = protowire.AppendTag(dst, field, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	prev = LiveEntry{}
	for i := range f.Entries {
		dst = protowire.AppendVarint(dst, f.cell(field, &f.Entries[i], &prev))
		prev = f.Entries[i]
	}
	return dst
}

// cell returns what the column has for an entry. prev is the entry before.
func (f *Frame) cell(field protowire.Number, e, prev *LiveEntry) uint64 {
	switch field {
	case liveIndex:
		return uint64(e.Index)
	case liveLat:
		return zigzag(e.Lat - prev.Lat)
	case liveLon:
		return zigzag(e.Lon - prev.Lon) // wraps
	case liveSpeed:
		return zigzag(e.Speed)
	case liveHeading:
		return zigzag(e.Heading)
	case liveAge:
		return uint64(min(max(f.ServerTime.UnixMilli()-e.FixAt, 0), math.MaxUint32))
	default:
		return uint64(e.Flags)
	}
}

func zigzag(v int32) uint64 { return protowire.EncodeZigZag(int64(v)) }

func (n *LiveName) append(dst []byte) []byte {
	index := 0
	if n.Index != 0 {
		index = 1 + protowire.SizeVarint(uint64(n.Index))
	}
	dst = protowire.AppendTag(dst, liveNames, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(index+1+protowire.SizeBytes(len(n.Driver))))
	dst = appendVarint(dst, 1, uint64(n.Index))
	dst = protowire.AppendTag(dst, 2, protowire.BytesType)
	return protowire.AppendString(dst, n.Driver)
}
