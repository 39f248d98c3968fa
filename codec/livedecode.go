package codec

import (
	"time"

	"github.com/dray-fleet/dray/fleet"
	"google.golang.org/protobuf/encoding/protowire"
)

var errFrame = fleet.Invalid("frame", "is not a live frame")

// DecodeFrame is the inverse of AppendFrame, for those who watch a fleet from
// Go. A fix time that was ahead of the server's comes back as the server's.
func DecodeFrame(data []byte) (Frame, error) {
	var f Frame
	var columns [liveFlags + 1][]uint64
	var serverMS int64
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return Frame{}, errFrame
		}
		data = data[n:]
		switch {
		case kind == protowire.VarintType:
			v, n := protowire.ConsumeVarint(data)
			if n < 0 {
				return Frame{}, errFrame
			}
			data = data[n:]
			switch field {
			case liveServerTime:
				serverMS = int64(v)
			case liveSequence:
				f.Sequence = v
			case liveKeyframe:
				f.Keyframe = v != 0
			case liveEpoch:
				f.Epoch = v
			}
		case kind == protowire.BytesType:
			v, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return Frame{}, errFrame
			}
			data = data[n:]
			var ok bool
			switch {
			case field == liveFleet:
				f.Fleet, ok = string(v), true
			case liveIndex <= field && field <= liveFlags:
				columns[field], ok = consumeColumn(v)
			case field == liveNames:
				var name LiveName
				name, ok = consumeName(v)
				f.Names = append(f.Names, name)
			default:
				ok = true
			}
			if !ok {
				return Frame{}, errFrame
			}
		default: // a field that a later version may add
			n := protowire.ConsumeFieldValue(field, kind, data)
			if n < 0 {
				return Frame{}, errFrame
			}
			data = data[n:]
		}
	}
	f.ServerTime = time.UnixMilli(serverMS).UTC()
	return f, f.fill(columns[:], serverMS)
}

// fill makes the entries from the columns, which are as long as each other.
func (f *Frame) fill(columns [][]uint64, serverMS int64) error {
	rows := len(columns[liveIndex])
	for _, column := range columns[liveIndex:] {
		if len(column) != rows {
			return errFrame
		}
	}
	var lat, lon int32
	for i := range rows {
		signed := func(field protowire.Number) int32 { return int32(protowire.DecodeZigZag(columns[field][i])) }
		lat += signed(liveLat)
		lon += signed(liveLon)
		f.Entries = append(f.Entries, LiveEntry{
			Index: uint32(columns[liveIndex][i]), Lat: lat, Lon: lon,
			Speed: signed(liveSpeed), Heading: signed(liveHeading),
			FixAt: serverMS - int64(columns[liveAge][i]), Flags: uint32(columns[liveFlags][i]),
		})
	}
	return nil
}

func consumeColumn(data []byte) (column []uint64, ok bool) {
	for len(data) > 0 {
		v, n := protowire.ConsumeVarint(data)
		if n < 0 {
			return nil, false
		}
		column = append(column, v)
		data = data[n:]
	}
	return column, true
}

func consumeName(data []byte) (name LiveName, ok bool) {
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return name, false
		}
		data = data[n:]
		n = protowire.ConsumeFieldValue(field, kind, data)
		if n < 0 {
			return name, false
		}
		switch {
		case field == 1 && kind == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(data)
			name.Index = uint32(v)
		case field == 2 && kind == protowire.BytesType:
			v, _ := protowire.ConsumeString(data)
			name.Driver = v
		}
		data = data[n:]
	}
	return name, true
}
