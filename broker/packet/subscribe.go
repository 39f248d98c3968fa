package packet

// Subscribe is a SUBSCRIBE packet (section 3.8). It shares no memory with its frame.
type Subscribe struct {
	ID             uint16
	SubscriptionID uint32 // 0 is none; MQTT 5
	Filters        []Filter
}

// Filter is a topic filter with the options asked for it. All but QoS are of MQTT 5.
type Filter struct {
	Filter            string // with its $share/{group}/
	QoS               byte
	NoLocal           bool
	RetainAsPublished bool
	RetainHandling    byte // 0, 1 or 2 (section 3.8.3.1)
}

// ParseSubscribe reads and checks a SUBSCRIBE packet. The filters are of good
// form, however many, long and deep: limits are the caller's.
func ParseSubscribe(frame []byte, version byte) (*Subscribe, error) {
	b, err := body(frame, TypeSubscribe, version)
	if err != nil {
		return nil, err
	}
	r := reader{b: b}
	s := &Subscribe{ID: r.uint16()}
	if version == V5 {
		ps := newProperties(r.properties(), subscribeProps)
		var p property
		for {
			more, err := ps.next(&p)
			if err != nil {
				return nil, err
			}
			if !more {
				break
			}
			if p.id == propSubscriptionID {
				s.SubscriptionID = p.num
			}
		}
	}
	if err := checkList(&r, s.ID); err != nil {
		return nil, err
	}
	for len(r.b) > 0 {
		name, options := r.binary(), r.byte()
		if r.short {
			return nil, errShort
		}
		shared, err := checkFilter(name)
		if err != nil {
			return nil, err
		}
		if err := checkOptions(options, version, shared); err != nil {
			return nil, err
		}
		s.Filters = append(s.Filters, Filter{
			Filter:            string(name),
			QoS:               options & 3,
			NoLocal:           options&0x04 != 0,
			RetainAsPublished: options&0x08 != 0,
			RetainHandling:    options >> 4 & 3,
		})
	}
	return s, nil
}

// checkList checks what precedes a list of filters, and that there is a list.
func checkList(r *reader, id uint16) error {
	switch {
	case r.short:
		return errShort
	case id == 0:
		return protocolError("packet id 0") // [MQTT-2.2.1-3]
	case len(r.b) == 0:
		return protocolError("no topic filter") // [MQTT-3.8.3-2] [MQTT-3.10.3-2]
	}
	return nil
}

func checkOptions(o, version byte, shared bool) error {
	switch {
	case version == V5 && o&0xc0 != 0, version != V5 && o&0xfc != 0:
		return malformed("reserved bits of the subscription options") // [MQTT-3.8.3-5]
	case o&3 == 3:
		return protocolError("subscription with QoS 3")
	case o>>4 == 3:
		return protocolError("subscription with retain handling 3")
	case shared && o&0x04 != 0:
		return protocolError("no-local on a shared subscription") // [MQTT-3.8.3-4]
	}
	return nil
}

// Unsubscribe is an UNSUBSCRIBE packet (section 3.10). It shares no memory with its frame.
type Unsubscribe struct {
	ID      uint16
	Filters []string
}

// ParseUnsubscribe reads and checks an UNSUBSCRIBE packet.
func ParseUnsubscribe(frame []byte, version byte) (*Unsubscribe, error) {
	b, err := body(frame, TypeUnsubscribe, version)
	if err != nil {
		return nil, err
	}
	r := reader{b: b}
	u := &Unsubscribe{ID: r.uint16()}
	if version == V5 {
		if err := checkProperties(r.properties(), unsubscribeProps); err != nil {
			return nil, err
		}
	}
	if err := checkList(&r, u.ID); err != nil {
		return nil, err
	}
	for len(r.b) > 0 {
		name := r.binary()
		if r.short {
			return nil, errShort
		}
		if _, err := checkFilter(name); err != nil {
			return nil, err
		}
		u.Filters = append(u.Filters, string(name))
	}
	return u, nil
}
