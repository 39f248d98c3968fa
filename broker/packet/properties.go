package packet

// Property identifiers of MQTT 5 that a client may send (section 2.2.2.2).
const (
	propPayloadFormat       = 0x01
	propMessageExpiry       = 0x02
	propContentType         = 0x03
	propResponseTopic       = 0x08
	propCorrelationData     = 0x09
	propSubscriptionID      = 0x0B
	propSessionExpiry       = 0x11
	propAuthMethod          = 0x15
	propAuthData            = 0x16
	propRequestProblemInfo  = 0x17
	propWillDelay           = 0x18
	propRequestResponseInfo = 0x19
	propReasonString        = 0x1F
	propReceiveMaximum      = 0x21
	propTopicAliasMaximum   = 0x22
	propTopicAlias          = 0x23
	propUser                = 0x26
	propMaximumPacketSize   = 0x27
)

// A set of property identifiers, one bit each; none is above 63.
type propSet uint64

func set(ids ...byte) (s propSet) {
	for _, id := range ids {
		s |= 1 << id
	}
	return s
}

func (s propSet) has(id byte) bool { return id < 64 && s>>id&1 != 0 }

// What each packet may carry when a client sends it (table 2-4).
var (
	connectProps = set(propSessionExpiry, propAuthMethod, propAuthData, propRequestProblemInfo,
		propRequestResponseInfo, propReceiveMaximum, propTopicAliasMaximum, propUser, propMaximumPacketSize)
	willProps = set(propWillDelay, propPayloadFormat, propMessageExpiry, propContentType,
		propResponseTopic, propCorrelationData, propUser)
	publishProps = set(propPayloadFormat, propMessageExpiry, propContentType, propResponseTopic,
		propCorrelationData, propSubscriptionID, propTopicAlias, propUser)
	subscribeProps   = set(propSubscriptionID, propUser)
	unsubscribeProps = set(propUser)
	ackProps         = set(propReasonString, propUser)
	disconnectProps  = set(propSessionExpiry, propReasonString, propUser)
	authProps        = set(propAuthMethod, propAuthData, propReasonString, propUser)
)

// property is one property: num holds the value of an integer, data that of a
// string or of binary data, which points into the packet.
type property struct {
	id   byte
	num  uint32
	data []byte
}

// properties goes through the properties of a packet and checks each of them.
type properties struct {
	r       reader
	allowed propSet
	seen    propSet
}

func newProperties(b []byte, allowed propSet) properties {
	return properties{r: reader{b: b}, allowed: allowed}
}

// next reads the next property into p; more is false at the end.
func (ps *properties) next(p *property) (more bool, err error) {
	if len(ps.r.b) == 0 {
		return false, nil
	}
	// Identifiers are variable byte integers; all that exist take one byte.
	p.id, p.num, p.data = ps.r.byte(), 0, nil
	if !ps.allowed.has(p.id) {
		return false, malformed("property that is unknown, or not for this packet") // section 2.2.2.2
	}
	if ps.seen.has(p.id) && p.id != propUser {
		return false, protocolError("property sent twice")
	}
	ps.seen |= 1 << p.id
	if err := ps.value(p); err != nil {
		return false, err
	}
	if ps.r.short {
		return false, malformed("property that runs past the properties' end")
	}
	return true, nil
}

func (ps *properties) value(p *property) error {
	switch p.id {
	case propPayloadFormat, propRequestProblemInfo, propRequestResponseInfo:
		if p.num = uint32(ps.r.byte()); p.num > 1 {
			return protocolError("property that must be 0 or 1")
		}
	case propTopicAlias:
		if p.num = uint32(ps.r.uint16()); p.num == 0 && !ps.r.short {
			return &Malformed{CodeTopicAliasInvalid, "topic alias 0"} // [MQTT-3.3.2-8]
		}
	case propReceiveMaximum, propTopicAliasMaximum:
		p.num = uint32(ps.r.uint16())
	case propMessageExpiry, propSessionExpiry, propWillDelay, propMaximumPacketSize:
		p.num = ps.r.uint32()
	case propSubscriptionID:
		p.num = ps.r.varint()
	case propCorrelationData, propAuthData:
		p.data = ps.r.binary()
	case propResponseTopic:
		p.data = ps.r.binary()
		if len(p.data) == 0 && !ps.r.short {
			return protocolError("empty response topic") // [MQTT-4.7.3-1]
		}
		return checkTopic(p.data) // [MQTT-3.3.2-14]
	case propContentType, propReasonString, propAuthMethod:
		p.data = ps.r.binary()
		return checkString(p.data)
	case propUser:
		name, value := ps.r.binary(), ps.r.binary()
		if err := checkString(name); err != nil {
			return err
		}
		return checkString(value)
	}
	if p.num == 0 && !ps.r.short && notZero.has(p.id) {
		return protocolError("property that must not be 0")
	}
	return nil
}

var notZero = set(propReceiveMaximum, propMaximumPacketSize, propSubscriptionID)

// checkProperties checks properties of which the caller needs none.
func checkProperties(b []byte, allowed propSet) error {
	ps := newProperties(b, allowed)
	var p property
	for {
		if more, err := ps.next(&p); !more {
			return err
		}
	}
}
