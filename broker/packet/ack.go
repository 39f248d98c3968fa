package packet

import "bytes"

// Ack is a PUBACK, PUBREC, PUBREL or PUBCOMP (sections 3.4 to 3.7).
type Ack struct {
	Type byte
	ID   uint16
	Code byte // 0 in 3.1.1
}

// ParseAck reads and checks a PUBACK, PUBREC, PUBREL or PUBCOMP that a client
// sent. It does not allocate.
func ParseAck(frame []byte, version byte) (Ack, error) {
	a := Ack{}
	if len(frame) > 0 {
		a.Type = frame[0] >> 4
	}
	if a.Type < TypePuback || a.Type > TypePubcomp {
		return Ack{}, malformed("packet of another type")
	}
	b, err := body(frame, a.Type, version)
	if err != nil {
		return Ack{}, err
	}
	r := reader{b: b}
	a.ID = r.uint16()
	if version == V5 && len(r.b) > 0 { // both may be left out (section 3.4.2.1)
		a.Code = r.byte()
		if len(r.b) > 0 {
			if err := checkProperties(r.properties(), ackProps); err != nil {
				return Ack{}, err
			}
		}
	}
	if err := r.done(); err != nil {
		return Ack{}, err
	}
	if a.ID == 0 {
		return Ack{}, protocolError("packet id 0") // [MQTT-2.2.1-3]
	}
	codes := receiptCodes
	if a.Type == TypePubrel || a.Type == TypePubcomp {
		codes = releaseCodes
	}
	if bytes.IndexByte(codes, a.Code) < 0 {
		return Ack{}, protocolError("reason code that is not for this packet")
	}
	return a, nil
}

// The reason codes of a client's PUBACK and PUBREC (0x10, no matching
// subscribers, is the server's alone), and those of PUBREL and PUBCOMP.
var (
	receiptCodes = []byte{CodeSuccess, CodeUnspecified, CodeImplementation, CodeNotAuthorized,
		CodeTopicInvalid, CodeIDInUse, CodeQuotaExceeded, CodePayloadFormat}
	releaseCodes = []byte{CodeSuccess, CodeIDNotFound}
)
