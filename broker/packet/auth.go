package packet

import "bytes"

// Auth is an AUTH packet (section 3.15). It shares no memory with its frame.
type Auth struct {
	Code   byte // CodeContinueAuth or CodeReauthenticate
	Method string
	Data   []byte
}

// ParseAuth reads and checks an AUTH that a client sent; it exists in MQTT 5 only.
func ParseAuth(frame []byte) (*Auth, error) {
	b, err := body(frame, TypeAuth, V5)
	if err != nil {
		return nil, err
	}
	r := reader{b: b}
	a := &Auth{} // an empty body says "success", which is the server's to say
	var seen propSet
	if len(r.b) > 0 {
		a.Code = r.byte()
		if seen, err = a.readProperties(r.properties()); err != nil {
			return nil, err
		}
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	switch {
	case a.Code != CodeContinueAuth && a.Code != CodeReauthenticate:
		return nil, protocolError("reason code that is not for this packet") // [MQTT-3.15.2-1]
	case !seen.has(propAuthMethod):
		return nil, protocolError("no authentication method") // section 3.15.2.2.2
	}
	return a, nil
}

func (a *Auth) readProperties(b []byte) (seen propSet, err error) {
	ps := newProperties(b, authProps)
	var p property
	for {
		more, err := ps.next(&p)
		if !more {
			return ps.seen, err
		}
		switch p.id {
		case propAuthMethod:
			a.Method = string(p.data)
		case propAuthData:
			a.Data = bytes.Clone(p.data)
		}
	}
}
