package packet

import (
	"bytes"
	"fmt"
	"testing"

	paho "github.com/eclipse/paho.golang/packets"
	mochi "github.com/mochi-mqtt/server/v2/packets"
)

// The oracles of these tests are two other implementations: the engine's own,
// and Eclipse Paho's.

// frame puts a fixed header before the parts.
func frame(first byte, parts ...any) []byte {
	b := join(parts...)
	return append(appendVarint([]byte{first}, len(b)), b...)
}

// join concatenates bytes: an int is one byte, a string its bytes.
func join(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		default:
			panic(fmt.Sprintf("part of type %T", p))
		}
	}
	return b
}

// str is a string with its length before it.
func str(s string) []byte { return appendString(nil, s) }

// props are properties with their length before them.
func props(parts ...any) []byte {
	b := join(parts...)
	return append(appendVarint(nil, len(b)), b...)
}

// user is a user property.
func user(name, value string) []byte { return join(propUser, str(name), str(value)) }

// encodePaho returns a packet as Paho writes it.
func encodePaho(t testing.TB, p paho.Packet) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := p.WriteTo(&b); err != nil {
		t.Fatalf("paho cannot encode %v: %v", p, err)
	}
	return b.Bytes()
}

// decodePaho returns what Paho makes of a frame; it speaks MQTT 5 only.
func decodePaho(t testing.TB, frame []byte) paho.Packet {
	t.Helper()
	p, err := paho.ReadPacket(bytes.NewReader(frame))
	if err != nil {
		t.Fatalf("paho cannot decode %x: %v", frame, err)
	}
	return p.Content
}

// decodeMochi reads a frame as the engine's read loop does, with its checks.
func decodeMochi(frame []byte, version byte) (mochi.Packet, error) {
	p := mochi.Packet{ProtocolVersion: version}
	if err := p.FixedHeader.Decode(frame[0]); err != nil {
		return p, err
	}
	in := bytes.NewBuffer(frame[1:])
	n, _, err := mochi.DecodeLength(in)
	if err != nil || n != in.Len() {
		return p, fmt.Errorf("remaining length %d of %d: %w", n, in.Len(), err)
	}
	p.FixedHeader.Remaining = n
	fine := func() mochi.Code { return mochi.CodeSuccess }
	step := map[byte]struct {
		decode   func([]byte) error
		validate func() mochi.Code
	}{
		mochi.Connect:     {p.ConnectDecode, p.ConnectValidate},
		mochi.Connack:     {p.ConnackDecode, fine},
		mochi.Publish:     {p.PublishDecode, func() mochi.Code { return p.PublishValidate(65535) }},
		mochi.Puback:      {p.PubackDecode, fine},
		mochi.Pubrec:      {p.PubrecDecode, fine},
		mochi.Pubrel:      {p.PubrelDecode, fine},
		mochi.Pubcomp:     {p.PubcompDecode, fine},
		mochi.Subscribe:   {p.SubscribeDecode, p.SubscribeValidate},
		mochi.Suback:      {p.SubackDecode, fine},
		mochi.Unsubscribe: {p.UnsubscribeDecode, p.UnsubscribeValidate},
		mochi.Unsuback:    {p.UnsubackDecode, fine},
		mochi.Pingreq:     {p.PingreqDecode, fine},
		mochi.Pingresp:    {p.PingrespDecode, fine},
		mochi.Disconnect:  {p.DisconnectDecode, fine},
		mochi.Auth:        {p.AuthDecode, p.AuthValidate},
	}[p.FixedHeader.Type]
	if err := step.decode(in.Bytes()); err != nil {
		return p, err
	}
	if code := step.validate(); code.Code >= 0x80 {
		return p, code
	}
	return p, nil
}
