package packet

import "encoding/binary"

// SetMessageExpiry replaces the message expiry interval of a PUBLISH of MQTT 5
// that the server wrote, if it has one.
func SetMessageExpiry(frame []byte, seconds uint32) {
	var p Publish
	if err := p.read(frame, V5); err != nil {
		return
	}
	ps := newProperties(p.Props, publishProps)
	var prop property
	for {
		if more, err := ps.next(&prop); !more || err != nil {
			return
		}
		if prop.id == propMessageExpiry {
			end := len(p.Props) - len(ps.r.b)
			binary.BigEndian.PutUint32(p.Props[end-4:end], seconds)
			return
		}
	}
}

// Header is what the guard needs to know about a frame on its way to a client.
type Header struct {
	Type byte
	QoS  byte   // of a PUBLISH
	ID   uint16 // packet id, 0 where the packet has none
	Size int    // of the whole frame, bytes
}

// Outbound reads the header of the first frame in buf, which the server itself
// wrote. ok is false as long as buf ends before the packet id does.
func Outbound(buf []byte) (h Header, ok bool) {
	if len(buf) < 2 {
		return h, false
	}
	length, w := varint(buf[1:])
	if w <= 0 {
		return h, false
	}
	h.Type, h.Size = buf[0]>>4, 1+w+int(length)
	rest := buf[1+w:]
	switch h.Type {
	case TypePublish:
		if h.QoS = buf[0] >> 1 & 3; h.QoS == 0 {
			return h, true
		}
		if len(rest) < 2 {
			return h, false
		}
		topic := 2 + int(binary.BigEndian.Uint16(rest))
		if len(rest) < topic {
			return h, false
		}
		rest = rest[topic:]
	case TypePuback, TypePubrec, TypePubrel, TypePubcomp, TypeSuback, TypeUnsuback:
	default:
		return h, true
	}
	if len(rest) < 2 {
		return h, false
	}
	h.ID = binary.BigEndian.Uint16(rest)
	return h, true
}
