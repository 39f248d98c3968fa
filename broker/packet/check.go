package packet

// Check checks a frame that a client sent after its CONNECT, of any type, by the
// rules of version.
func Check(frame []byte, version byte) error {
	if len(frame) == 0 {
		return errShort
	}
	var err error
	switch typ := frame[0] >> 4; typ {
	case TypePublish:
		var p Publish
		err = ParsePublish(frame, version, &p)
	case TypePuback, TypePubrec, TypePubrel, TypePubcomp:
		_, err = ParseAck(frame, version)
	case TypeSubscribe:
		_, err = ParseSubscribe(frame, version)
	case TypeUnsubscribe:
		_, err = ParseUnsubscribe(frame, version)
	case TypePingreq:
		var b []byte
		if b, err = body(frame, typ, version); err == nil && len(b) > 0 {
			err = malformed("PINGREQ with a body")
		}
	case TypeDisconnect:
		_, err = ParseDisconnect(frame, version)
	case TypeAuth:
		if version != V5 {
			return malformed("AUTH in 3.1.1")
		}
		_, err = ParseAuth(frame)
	case TypeConnect:
		err = protocolError("second CONNECT") // [MQTT-3.1.0-2]
	default:
		err = checkFirst(frame[0])
	}
	return err
}
