package packet

import (
	"errors"
	"testing"
)

func TestSplit(t *testing.T) {
	publish := frame(0x30, str("t"), make([]byte, 300))
	for _, tt := range []struct {
		name    string
		buf     []byte
		n, need int
	}{
		{"nothing", nil, 0, 2},
		{"first byte", []byte{0xc0}, 0, 2},
		{"whole", []byte{0xc0, 0}, 2, 2},
		{"half a length", publish[:2], 0, 3},
		{"header alone", publish[:3], 0, len(publish)},
		{"one byte short", publish[:len(publish)-1], 0, len(publish)},
		{"two frames", join(publish, 0xc0, 0), len(publish), len(publish)},
		{"length of four bytes not in its shortest form, as 3.1.1 allows", []byte{0xc0, 0x80, 0x80, 0x80, 0}, 5, 5},
	} {
		n, need, err := Split(tt.buf, 1024)
		if n != tt.n || need != tt.need || err != nil {
			t.Errorf("Split(%s) = %d, %d, %v, want %d, %d", tt.name, n, need, err, tt.n, tt.need)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		buf  []byte
		code byte
	}{
		{"type 0", []byte{0x00}, CodeMalformed},
		{"flags of CONNECT", []byte{0x11}, CodeMalformed},
		{"flags of SUBSCRIBE", []byte{0x80}, CodeMalformed},
		{"QoS 3", []byte{0x36}, CodeMalformed},
		{"DUP with QoS 0", []byte{0x38}, CodeMalformed},
		{"a server's type", []byte{0x20}, CodeProtocolError},
		{"length of five bytes", []byte{0x30, 0xff, 0xff, 0xff, 0xff}, CodeMalformed},
		{"one byte too large, judged by its length", []byte{0x30, 0xfe, 0x07}, CodeTooLarge},
		{"largest there is", []byte{0x10, 0xff, 0xff, 0xff, 0x7f}, CodeTooLarge},
	} {
		n, need, err := Split(tt.buf, 1024)
		var m *Malformed
		if n != 0 || need != 0 || !errors.As(err, &m) || m.Code != tt.code {
			t.Errorf("Split(%s) = %d, %d, %v, want a *Malformed 0x%02x", tt.name, n, need, err, tt.code)
		}
	}
	if n, _, err := Split(frame(0x30, make([]byte, 1021)), 1024); n != 1024 || err != nil {
		t.Errorf("Split of a frame of just the limit = %d, %v, want 1024", n, err)
	}
}
