package packet

// Split finds the first frame in buf, which a client has sent. n is the whole
// length of the frame, 0 as long as more bytes are needed; need is how many
// bytes in all it takes, as far as known. A bad first byte, a bad length and a
// frame of more than max bytes are refused before anything of it is buffered.
func Split(buf []byte, max int) (n, need int, err error) {
	if len(buf) == 0 {
		return 0, 2, nil
	}
	if err := checkFirst(buf[0]); err != nil {
		return 0, 0, err
	}
	length, w := varint(buf[1:])
	switch {
	case w < 0:
		return 0, 0, errLength
	case w == 0:
		return 0, len(buf) + 1, nil
	}
	need = 1 + w + int(length)
	switch {
	case need > max:
		return 0, 0, &Malformed{CodeTooLarge, "packet too large"}
	case len(buf) < need:
		return 0, need, nil
	}
	return need, need, nil
}

var errLength = malformed("remaining length of more than four bytes")

// checkFirst checks the first byte of a frame: its type and its flags
// (sections 2.1.2 and 2.1.3).
func checkFirst(b byte) error {
	flags := b & 0x0f
	switch b >> 4 {
	case TypePublish:
		switch qos := flags >> 1 & 3; {
		case qos == 3:
			return malformed("PUBLISH with QoS 3") // [MQTT-3.3.1-4]
		case qos == 0 && flags&8 != 0:
			return malformed("PUBLISH with DUP and QoS 0") // [MQTT-3.3.1-2]
		}
	case TypePubrel, TypeSubscribe, TypeUnsubscribe:
		if flags != 2 {
			return malformed("reserved flags of the fixed header") // [MQTT-2.1.3-1]
		}
	case TypeConnect, TypePuback, TypePubrec, TypePubcomp, TypePingreq, TypeDisconnect, TypeAuth:
		if flags != 0 {
			return malformed("reserved flags of the fixed header") // [MQTT-2.1.3-1]
		}
	case 0:
		return malformed("packet type 0")
	default:
		return protocolError("packet of a type that only servers send")
	}
	return nil
}

// body returns what follows the fixed header of frame, which must be one whole
// frame of the given type.
func body(frame []byte, typ, version byte) ([]byte, error) {
	if len(frame) == 0 || frame[0]>>4 != typ {
		return nil, malformed("packet of another type")
	}
	if err := checkFirst(frame[0]); err != nil {
		return nil, err
	}
	length, w := varint(frame[1:])
	switch {
	case w < 0:
		return nil, errLength
	case w == 0 || 1+w+int(length) != len(frame):
		return nil, malformed("frame of another length than it says")
	case version == V5 && w > 1 && frame[w] == 0:
		return nil, malformed("remaining length not in its shortest form") // [MQTT-1.5.5-1]; 3.1.1 has no such rule
	}
	return frame[1+w:], nil
}

// varint decodes a variable byte integer (section 1.5.5) at the start of b.
// w is its width, 0 when b ends before it does, -1 when it is longer than four bytes.
func varint(b []byte) (v uint32, w int) {
	for i, c := range b {
		if i == 4 {
			break
		}
		v |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	if len(b) >= 4 {
		return 0, -1
	}
	return 0, 0
}
