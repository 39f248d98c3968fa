package packet

import "bytes"

// Disconnect is a DISCONNECT packet (section 3.14).
type Disconnect struct {
	Code             byte   // 0 in 3.1.1; with CodeSuccess alone the will is not sent
	SessionExpiry    uint32 // seconds
	HasSessionExpiry bool
}

// ParseDisconnect reads and checks a DISCONNECT that a client sent. Whether a
// session expiry may still be set depends on CONNECT and is the caller's to judge.
func ParseDisconnect(frame []byte, version byte) (Disconnect, error) {
	b, err := body(frame, TypeDisconnect, version)
	if err != nil {
		return Disconnect{}, err
	}
	var d Disconnect
	r := reader{b: b}
	if version == V5 && len(r.b) > 0 { // code and properties may be left out
		d.Code = r.byte()
		if len(r.b) > 0 {
			if err := d.readProperties(r.properties()); err != nil {
				return Disconnect{}, err
			}
		}
	}
	if err := r.done(); err != nil {
		return Disconnect{}, err
	}
	if bytes.IndexByte(disconnectCodes, d.Code) < 0 {
		return Disconnect{}, protocolError("reason code that is not for this packet") // [MQTT-3.14.2-1]
	}
	return d, nil
}

func (d *Disconnect) readProperties(b []byte) error {
	ps := newProperties(b, disconnectProps)
	var p property
	for {
		more, err := ps.next(&p)
		if !more {
			return err
		}
		if p.id == propSessionExpiry {
			d.SessionExpiry, d.HasSessionExpiry = p.num, true
		}
	}
}

// disconnectCodes are those that table 3-10 gives to clients.
var disconnectCodes = []byte{CodeSuccess, CodeDisconnectWithWill, CodeUnspecified, CodeMalformed,
	CodeProtocolError, CodeImplementation, CodeTopicInvalid, CodeReceiveMaximum, CodeTopicAliasInvalid,
	CodeTooLarge, CodeRateTooHigh, CodeQuotaExceeded, CodeAdministrative, CodePayloadFormat}
