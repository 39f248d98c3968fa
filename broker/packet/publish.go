package packet

// Publish is a PUBLISH packet (section 3.3). What ParsePublish fills points into
// the frame.
type Publish struct {
	Topic      []byte
	Payload    []byte
	ID         uint16 // 0 with QoS 0
	QoS        byte
	Dup        bool
	Retain     bool
	TopicAlias uint16 // 0 is none
	Props      []byte // the properties as they stand in the packet, without their length; MQTT 5
}

// ParsePublish reads and checks a PUBLISH that a client sent. It overwrites p,
// and does not allocate. The topic may be empty only beside a TopicAlias.
func ParsePublish(frame []byte, version byte, p *Publish) error {
	if err := p.read(frame, version); err != nil {
		return err
	}
	if err := checkTopic(p.Topic); err != nil {
		return err
	}
	if p.QoS > 0 && p.ID == 0 {
		return protocolError("packet id 0") // [MQTT-2.2.1-3]
	}
	if len(p.Props) > 0 {
		if err := p.readProperties(); err != nil {
			return err
		}
	}
	if len(p.Topic) == 0 && p.TopicAlias == 0 {
		return protocolError("neither topic nor topic alias") // section 3.3.2.1; 3.1.1: [MQTT-4.7.3-1]
	}
	return nil
}

// read takes a frame apart.
func (p *Publish) read(frame []byte, version byte) error {
	b, err := body(frame, TypePublish, version)
	if err != nil {
		return err
	}
	flags := frame[0]
	*p = Publish{QoS: flags >> 1 & 3, Dup: flags&8 != 0, Retain: flags&1 != 0}
	r := reader{b: b}
	p.Topic = r.binary()
	if p.QoS > 0 {
		p.ID = r.uint16()
	}
	if version == V5 {
		p.Props = r.properties()
	}
	if r.short {
		return errShort
	}
	p.Payload = r.b
	return nil
}

func (p *Publish) readProperties() error {
	ps := newProperties(p.Props, publishProps)
	var prop property
	for {
		more, err := ps.next(&prop)
		if !more {
			return err
		}
		switch prop.id {
		case propSubscriptionID:
			return protocolError("subscription identifier from a client") // [MQTT-3.3.4-6]
		case propTopicAlias:
			p.TopicAlias = uint16(prop.num)
		}
	}
}

// splitAlias returns what stands before and after Topic Alias in the
// properties. The alias is an agreement with the sender alone, so it must not travel on.
func (p *Publish) splitAlias() (before, after []byte) {
	if p.TopicAlias == 0 {
		return p.Props, nil
	}
	ps := newProperties(p.Props, publishProps)
	var prop property
	for {
		at := len(p.Props) - len(ps.r.b)
		if more, _ := ps.next(&prop); !more {
			return p.Props, nil
		}
		if prop.id == propTopicAlias {
			return p.Props[:at], ps.r.b
		}
	}
}
