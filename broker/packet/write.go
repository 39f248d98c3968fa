package packet

import "encoding/binary"

// The Append functions append a packet to dst and return it. A reason is
// written in MQTT 5 alone, and only if not empty. To a client that asked for no
// problem information it may go on CONNACK and DISCONNECT only. No string may be
// longer than 65,535 bytes, no packet than 268,435,455.

// AppendPublish appends p for a subscriber. Props are written in MQTT 5 alone,
// and without the topic alias, which was the publisher's.
func AppendPublish(dst []byte, version byte, p *Publish) []byte {
	before, after := p.splitAlias()
	props := len(before) + len(after)
	length := 2 + len(p.Topic) + len(p.Payload)
	if p.QoS > 0 {
		length += 2
	}
	if version == V5 {
		length += varintLen(props) + props
	}
	first := TypePublish<<4 | p.QoS<<1
	if p.Dup {
		first |= 8
	}
	if p.Retain {
		first |= 1
	}
	dst = appendVarint(append(dst, first), length)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(p.Topic)))
	dst = append(dst, p.Topic...)
	if p.QoS > 0 {
		dst = binary.BigEndian.AppendUint16(dst, p.ID)
	}
	if version == V5 {
		dst = appendVarint(dst, props)
		dst = append(append(dst, before...), after...)
	}
	return append(dst, p.Payload...)
}

// AppendSubscriptionID appends a Subscription Identifier to the properties of a
// PUBLISH (section 3.3.2.3.8).
func AppendSubscriptionID(props []byte, id uint32) []byte {
	return appendVarint(append(props, propSubscriptionID), int(id))
}

// AppendPuback appends a PUBACK. In 3.1.1 there is no code: every PUBACK says yes.
func AppendPuback(dst []byte, version byte, id uint16, code byte, reason string) []byte {
	return appendAck(dst, TypePuback, version, id, code, reason)
}

// AppendPubrec appends a PUBREC, of which the same holds as of a PUBACK.
func AppendPubrec(dst []byte, version byte, id uint16, code byte, reason string) []byte {
	return appendAck(dst, TypePubrec, version, id, code, reason)
}

// AppendPubcomp appends a PUBCOMP, of which the same holds as of a PUBACK.
func AppendPubcomp(dst []byte, version byte, id uint16, code byte, reason string) []byte {
	return appendAck(dst, TypePubcomp, version, id, code, reason)
}

func appendAck(dst []byte, typ, version byte, id uint16, code byte, reason string) []byte {
	if version != V5 || code == CodeSuccess && reason == "" {
		return binary.BigEndian.AppendUint16(append(dst, typ<<4, 2), id)
	}
	dst = appendVarint(append(dst, typ<<4), 3+reasonLen(reason))
	dst = append(binary.BigEndian.AppendUint16(dst, id), code)
	return appendReason(dst, reason)
}

// AppendConnack appends a CONNACK without a session present. In 3.1.1 it
// appends nothing for a code that has no counterpart there: the connection is
// then closed without a word, as that version demands [MQTT-3.1.4-1].
func AppendConnack(dst []byte, version, code byte, reason string) []byte {
	if version == V5 {
		dst = appendVarint(append(dst, TypeConnack<<4), 2+reasonLen(reason))
		return appendReason(append(dst, 0, code), reason)
	}
	old, ok := connackCode(code)
	if !ok {
		return dst
	}
	return append(dst, TypeConnack<<4, 2, 0, old)
}

// connackCode returns the return code of 3.1.1 (its section 3.2.2.3) that says what code says.
func connackCode(code byte) (old byte, ok bool) {
	switch code {
	case CodeSuccess:
		return 0, true
	case CodeUnsupportedVersion:
		return 1, true
	case CodeClientIDInvalid:
		return 2, true
	case CodeServerUnavailable, CodeServerBusy, CodeShuttingDown, CodeQuotaExceeded, CodeConnectionRate:
		return 3, true
	case CodeBadCredentials:
		return 4, true
	case CodeNotAuthorized, CodeBanned, CodeBadAuthMethod:
		return 5, true
	}
	return 0, false
}

// AppendDisconnect appends a DISCONNECT; in 3.1.1 nothing, since there only clients send it.
func AppendDisconnect(dst []byte, version, code byte, reason string) []byte {
	if version != V5 {
		return dst
	}
	dst = appendVarint(append(dst, TypeDisconnect<<4), 1+reasonLen(reason))
	return appendReason(append(dst, code), reason)
}

// AppendAuth appends an AUTH, which exists in MQTT 5 alone.
func AppendAuth(dst []byte, code byte, method string, data []byte) []byte {
	props := 3 + len(method)
	if len(data) > 0 {
		props += 3 + len(data)
	}
	dst = appendVarint(append(dst, TypeAuth<<4), 1+varintLen(props)+props)
	dst = appendVarint(append(dst, code), props)
	dst = appendString(append(dst, propAuthMethod), method)
	if len(data) > 0 {
		dst = appendString(append(dst, propAuthData), data)
	}
	return dst
}

// AppendSuback appends a SUBACK with one code per filter. Codes from 0x80 on become 0x80 in 3.1.1.
func AppendSuback(dst []byte, version byte, id uint16, codes []byte) []byte {
	if version == V5 {
		dst = appendVarint(append(dst, TypeSuback<<4), 3+len(codes))
		dst = append(binary.BigEndian.AppendUint16(dst, id), 0)
		return append(dst, codes...)
	}
	dst = appendVarint(append(dst, TypeSuback<<4), 2+len(codes))
	dst = binary.BigEndian.AppendUint16(dst, id)
	for _, c := range codes {
		dst = append(dst, min(c, CodeUnspecified))
	}
	return dst
}

// AppendUnsubscribe appends an UNSUBSCRIBE without properties: the one packet
// that the guard writes to the engine in a client's place.
func AppendUnsubscribe(dst []byte, version byte, u *Unsubscribe) []byte {
	length := 2
	if version == V5 {
		length++
	}
	for _, f := range u.Filters {
		length += 2 + len(f)
	}
	dst = appendVarint(append(dst, TypeUnsubscribe<<4|2), length)
	dst = binary.BigEndian.AppendUint16(dst, u.ID)
	if version == V5 {
		dst = append(dst, 0)
	}
	for _, f := range u.Filters {
		dst = appendString(dst, f)
	}
	return dst
}

// AppendPingresp appends a PINGRESP.
func AppendPingresp(dst []byte) []byte { return append(dst, TypePingresp<<4, 0) }

// reasonLen returns how many bytes appendReason appends.
func reasonLen(reason string) int {
	if reason == "" {
		return 1
	}
	n := 3 + len(reason)
	return varintLen(n) + n
}

// appendReason appends properties that hold nothing but a reason string.
func appendReason(dst []byte, reason string) []byte {
	if reason == "" {
		return append(dst, 0)
	}
	dst = appendVarint(dst, 3+len(reason))
	return appendString(append(dst, propReasonString), reason)
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

func appendVarint(dst []byte, v int) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

func varintLen(v int) int {
	switch {
	case v < 1<<7:
		return 1
	case v < 1<<14:
		return 2
	case v < 1<<21:
		return 3
	}
	return 4
}
