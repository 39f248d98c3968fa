package packet

import (
	"bytes"
	"testing"
)

// Every input is cut to its length (b[:n:n]), so that reading past it panics.

func FuzzSplit(f *testing.F) {
	for _, tt := range brokenFrames {
		f.Add(tt.frame, 100)
	}
	for _, tt := range wellFormed {
		f.Add(tt.frame[:min(len(tt.frame), 500)], 400)
	}
	f.Fuzz(func(t *testing.T, buf []byte, max int) {
		buf = buf[:len(buf):len(buf)]
		n, need, err := Split(buf, max)
		if err != nil {
			if n != 0 || need != 0 {
				t.Errorf("Split = %d, %d, %v", n, need, err)
			}
			return
		}
		switch {
		case n == 0 && need <= len(buf):
			t.Errorf("Split asks for %d bytes and has %d", need, len(buf))
		case n != 0 && (n != need || n > len(buf) || n > max):
			t.Errorf("Split of %d bytes, limit %d = %d, %d", len(buf), max, n, need)
		}
		// However the bytes trickle in, the verdict is the same.
		for i := range n {
			if early, _, err := Split(buf[:i:i], max); early != 0 || err != nil {
				t.Errorf("Split of the first %d of %d bytes = %d, %v", i, n, early, err)
			}
		}
	})
}

func FuzzParseConnect(f *testing.F) {
	for _, tt := range brokenConnects {
		f.Add(tt.frame)
	}
	for _, c := range clientFrames(f) {
		f.Add(c.frame)
	}
	f.Add(frame(0x10, connect4, 0xc6, minute, str("a"), str("t"), str("p"), str("u"), str("p")))
	f.Add(frame(0x10, connect5, 0xee, minute, props(propReceiveMaximum, 0, 1), str("a"), props(propWillDelay, 0, 0, 0, 1), str("t"), str("p"), str("u"), str("p")))
	f.Fuzz(func(t *testing.T, in []byte) {
		in = in[:len(in):len(in)]
		c, err := ParseConnect(in)
		if err != nil {
			return
		}
		p, err := decodeMochi(in, c.Version)
		// The engine is stricter than the specifications in two places.
		stricter := c.Will != nil && len(c.Will.Payload) == 0 || c.HasPassword && len(c.Password) == 0
		if err != nil && !stricter {
			t.Errorf("%x: the engine refuses what ParseConnect accepts: %v", in, err)
		}
		if p.Connect.ClientIdentifier != c.ClientID || string(p.Connect.Username) != c.Username || !bytes.Equal(p.Connect.Password, c.Password) ||
			p.Connect.Keepalive != c.KeepAlive || p.Connect.Clean != c.CleanStart || p.Connect.WillFlag != (c.Will != nil) || p.ProtocolVersion != c.Version {
			t.Errorf("%x: the engine reads %+v, ParseConnect %+v", in, p.Connect, c)
		}
		if c.Will != nil && (p.Connect.WillTopic != c.Will.Topic || !bytes.Equal(p.Connect.WillPayload, c.Will.Payload) || p.Connect.WillQos != c.Will.QoS) {
			t.Errorf("%x: the engine reads the will %+v, ParseConnect %+v", in, p.Connect, c.Will)
		}
	})
}

// addFrames seeds a fuzz target with frames that are right and wrong.
func addFrames(f *testing.F) {
	for _, tt := range brokenFrames {
		f.Add(tt.frame, tt.version == V5)
	}
	for _, tt := range wellFormed {
		if len(tt.frame) < 500 {
			f.Add(tt.frame, tt.version == V5)
		}
	}
	for _, c := range clientFrames(f) {
		f.Add(c.frame, c.version == V5)
	}
}

func FuzzParsePublish(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, in []byte, five bool) {
		in = in[:len(in):len(in)]
		version := V311
		if five {
			version = V5
		}
		var p Publish
		if err := ParsePublish(in, version, &p); err != nil {
			return
		}
		m, err := decodeMochi(in, version)
		if err != nil {
			t.Fatalf("%x: the engine refuses what ParsePublish accepts: %v", in, err)
		}
		if m.TopicName != string(p.Topic) || !bytes.Equal(m.Payload, p.Payload) || m.PacketID != p.ID || m.Properties.TopicAlias != p.TopicAlias {
			t.Errorf("%x: the engine reads %+v, ParsePublish %+v", in, m, p)
		}
		p.Topic = []byte("t") // an alias stays behind
		out := AppendPublish(nil, version, &p)
		var again Publish
		if err := ParsePublish(out, version, &again); err != nil || again.TopicAlias != 0 || !bytes.Equal(again.Payload, p.Payload) {
			t.Errorf("%x: appended as %x, which reads as %+v, %v", in, out, again, err)
		}
	})
}

func FuzzCheck(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, in []byte, five bool) {
		in = in[:len(in):len(in)]
		version := V311
		if five {
			version = V5
		}
		Outbound(in) // must not panic either
		if Check(in, version) != nil {
			return
		}
		if n, _, err := Split(in, len(in)); n != len(in) || err != nil {
			t.Errorf("%x: Check accepts what Split does not: %d, %v", in, n, err)
		}
		if _, err := decodeMochi(in, version); err != nil {
			t.Errorf("%x, version %d: the engine refuses what Check accepts: %v", in, version, err)
		}
	})
}
