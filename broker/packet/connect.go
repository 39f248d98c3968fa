package packet

import "bytes"

// Connect is a CONNECT packet (section 3.1). It shares no memory with its frame.
type Connect struct {
	Version     byte // V311 or V5
	ClientID    string
	CleanStart  bool
	KeepAlive   uint16 // seconds; 0 is none
	Username    string
	Password    []byte
	HasUsername bool
	HasPassword bool
	Will        *Will // nil is none

	// From here on MQTT 5 alone; 3.1.1 leaves the defaults.
	SessionExpiry       uint32 // seconds
	HasSessionExpiry    bool
	ReceiveMaximum      uint16 // default 65,535
	MaximumPacketSize   uint32 // bytes; 0 is no limit
	TopicAliasMaximum   uint16
	RequestProblemInfo  bool // default true
	RequestResponseInfo bool
	AuthMethod          string // "" is no enhanced authentication
	AuthData            []byte
	UserProperties      int // how many there are
}

// Will is what a client leaves to be published when it vanishes.
type Will struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
	Delay   uint32 // seconds; MQTT 5
	Props   []byte // the properties that travel with it, all but the delay; MQTT 5
}

// ParseConnect reads and checks a CONNECT packet.
//
// With an error, only Version of the Connect is to be used: it is the version in
// which to answer, or 0 where the client got so little right that nobody answers.
func ParseConnect(frame []byte) (*Connect, error) {
	c := &Connect{ReceiveMaximum: 65535, RequestProblemInfo: true}
	b, err := body(frame, TypeConnect, 0)
	if err != nil {
		return c, err
	}
	r := reader{b: b}
	name, level := r.binary(), r.byte()
	if r.short {
		return c, errShort
	}
	if err := c.setVersion(string(name), level); err != nil {
		return c, err
	}
	if _, err := body(frame, TypeConnect, c.Version); err != nil {
		return c, err // the form of the length, now that the version is known
	}
	flags := r.byte()
	c.KeepAlive = r.uint16()
	if r.short {
		return c, errShort
	}
	if err := checkConnectFlags(flags, c.Version); err != nil {
		return c, err
	}
	c.CleanStart = flags&0x02 != 0
	c.HasUsername, c.HasPassword = flags&0x80 != 0, flags&0x40 != 0
	if c.Version == V5 {
		if err := c.readProperties(&r); err != nil {
			return c, err
		}
	}
	if err := c.readPayload(&r, flags); err != nil {
		return c, err
	}
	if c.ClientID == "" && !c.CleanStart && c.Version == V311 {
		// 3.1.1: [MQTT-3.1.3-8]
		return c, &Malformed{CodeClientIDInvalid, "empty client id without a clean session"}
	}
	return c, nil
}

func (c *Connect) setVersion(name string, level byte) error {
	if name != "MQTT" && name != "MQIsdp" {
		return protocolError("protocol name is not MQTT") // [MQTT-3.1.2-1]
	}
	if name == "MQTT" && (level == V311 || level == V5) {
		c.Version = level
		return nil
	}
	c.Version = V5
	if level&0x7f < V5 { // the top bit is how some bridges announce themselves
		c.Version = V311
	}
	return &Malformed{CodeUnsupportedVersion, "protocol version is neither 3.1.1 nor 5"} // [MQTT-3.1.2-2]
}

func checkConnectFlags(flags, version byte) error {
	willQoS := flags >> 3 & 3
	switch {
	case flags&0x01 != 0:
		return malformed("reserved connect flag") // [MQTT-3.1.2-3]
	case flags&0x04 == 0 && flags&0x38 != 0:
		return malformed("will QoS or will retain without a will") // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
	case willQoS == 3:
		return malformed("will QoS 3") // [MQTT-3.1.2-12]
	case version == V311 && flags&0xc0 == 0x40:
		return malformed("password without a user name") // 3.1.1: [MQTT-3.1.2-22]
	}
	return nil
}

func (c *Connect) readProperties(r *reader) error {
	raw := r.properties()
	if r.short {
		return errShort
	}
	ps := newProperties(raw, connectProps)
	var p property
	for {
		more, err := ps.next(&p)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch p.id {
		case propSessionExpiry:
			c.SessionExpiry, c.HasSessionExpiry = p.num, true
		case propReceiveMaximum:
			c.ReceiveMaximum = uint16(p.num)
		case propMaximumPacketSize:
			c.MaximumPacketSize = p.num
		case propTopicAliasMaximum:
			c.TopicAliasMaximum = uint16(p.num)
		case propRequestProblemInfo:
			c.RequestProblemInfo = p.num == 1
		case propRequestResponseInfo:
			c.RequestResponseInfo = p.num == 1
		case propAuthMethod:
			c.AuthMethod = string(p.data)
		case propAuthData:
			c.AuthData = bytes.Clone(p.data)
		case propUser:
			c.UserProperties++
		}
	}
	if ps.seen.has(propAuthData) && !ps.seen.has(propAuthMethod) {
		return protocolError("authentication data without a method") // section 3.1.2.11.10
	}
	return nil
}

// readPayload reads what the flags say is there, in the order of section 3.1.3.
func (c *Connect) readPayload(r *reader, flags byte) error {
	id := r.binary()
	if _, err := checkName(id); err != nil {
		return err // [MQTT-3.1.3-4]
	}
	c.ClientID = string(id)
	if flags&0x04 != 0 {
		if err := c.readWill(r, flags); err != nil {
			return err
		}
	}
	if c.HasUsername {
		user := r.binary()
		if err := checkString(user); err != nil {
			return err // [MQTT-3.1.3-11]
		}
		c.Username = string(user)
	}
	if c.HasPassword {
		c.Password = bytes.Clone(r.binary())
	}
	return r.done()
}

func (c *Connect) readWill(r *reader, flags byte) error {
	w := &Will{QoS: flags >> 3 & 3, Retain: flags&0x20 != 0}
	if c.Version == V5 {
		raw := r.properties()
		ps := newProperties(raw, willProps)
		var p property
		for {
			at := len(raw) - len(ps.r.b)
			more, err := ps.next(&p)
			if err != nil {
				return err
			}
			if !more {
				break
			}
			if p.id == propWillDelay {
				w.Delay = p.num
				continue
			}
			w.Props = append(w.Props, raw[at:len(raw)-len(ps.r.b)]...)
		}
	}
	topic := r.binary()
	w.Payload = bytes.Clone(r.binary())
	if r.short {
		return errShort
	}
	if len(topic) == 0 {
		return &Malformed{CodeTopicInvalid, "empty will topic"} // [MQTT-4.7.3-1]
	}
	if err := checkTopic(topic); err != nil {
		return err // [MQTT-3.1.3-11]
	}
	w.Topic = string(topic)
	c.Will = w
	return nil
}
