package packet

import (
	"bytes"
	"strings"
	"testing"

	paho "github.com/eclipse/paho.golang/packets"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestAppend5 reads with Paho what the server says in MQTT 5.
func TestAppend5(t *testing.T) {
	long := strings.Repeat("x", 300) // so that every length takes two bytes
	none := &paho.Properties{}
	for _, tt := range []struct {
		name string
		got  []byte
		want paho.Packet
	}{
		{"PUBACK", AppendPuback(nil, V5, 258, 0, ""), &paho.Puback{PacketID: 258, Properties: none}},
		{"PUBACK no", AppendPuback(nil, V5, 1, CodePayloadFormat, ""), &paho.Puback{PacketID: 1, ReasonCode: 0x99, Properties: none}},
		{"PUBACK why", AppendPuback(nil, V5, 1, CodePayloadFormat, long), &paho.Puback{PacketID: 1, ReasonCode: 0x99, Properties: &paho.Properties{ReasonString: long}}},
		{"PUBREC why", AppendPubrec(nil, V5, 1, CodeQuotaExceeded, "full"), &paho.Pubrec{PacketID: 1, ReasonCode: 0x97, Properties: &paho.Properties{ReasonString: "full"}}},
		{"PUBCOMP no", AppendPubcomp(nil, V5, 1, CodeIDNotFound, ""), &paho.Pubcomp{PacketID: 1, ReasonCode: 0x92, Properties: none}},
		{"UNSUBSCRIBE", AppendUnsubscribe(nil, V5, &Unsubscribe{ID: 258, Filters: []string{"a/#", long}}), &paho.Unsubscribe{PacketID: 258, Topics: []string{"a/#", long}, Properties: none}},
		{"CONNACK", AppendConnack(nil, V5, CodeNotAuthorized, ""), &paho.Connack{ReasonCode: 0x87, Properties: none}},
		{"CONNACK why", AppendConnack(nil, V5, CodeNotAuthorized, long), &paho.Connack{ReasonCode: 0x87, Properties: &paho.Properties{ReasonString: long}}},
		{"DISCONNECT", AppendDisconnect(nil, V5, CodeMalformed, ""), &paho.Disconnect{ReasonCode: 0x81, Properties: none}},
		{"DISCONNECT why", AppendDisconnect(nil, V5, CodeMalformed, "packet id 0"), &paho.Disconnect{ReasonCode: 0x81, Properties: &paho.Properties{ReasonString: "packet id 0"}}},
		{"AUTH", AppendAuth(nil, CodeSuccess, "JWT", nil), &paho.Auth{Properties: &paho.Properties{AuthMethod: "JWT"}}},
		{"AUTH with data", AppendAuth(nil, CodeContinueAuth, "JWT", []byte(long)), &paho.Auth{ReasonCode: 0x18, Properties: &paho.Properties{AuthMethod: "JWT", AuthData: []byte(long)}}},
		{"SUBACK", AppendSuback(nil, V5, 258, []byte{0, 1, 0x87}), &paho.Suback{PacketID: 258, Reasons: []byte{0, 1, 0x87}, Properties: none}},
		{"PINGRESP", AppendPingresp(nil), &paho.Pingresp{}},
	} {
		if diff := cmp.Diff(tt.want, decodePaho(t, tt.got), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s = %x (-want +got):\n%s", tt.name, tt.got, diff)
		}
		if _, err := decodeMochi(tt.got, V5); err != nil {
			t.Errorf("%s = %x: the engine cannot read it: %v", tt.name, tt.got, err)
		}
	}
}

// TestPuback5IsShort: a success takes the four bytes of 3.1.1 (section 3.4.2.1).
func TestPuback5IsShort(t *testing.T) {
	if got := AppendPuback(nil, V5, 258, CodeSuccess, ""); !bytes.Equal(got, []byte{0x40, 2, 1, 2}) {
		t.Errorf("AppendPuback = %x, want 40020102", got)
	}
}

func TestAppend311(t *testing.T) {
	for _, tt := range []struct {
		name      string
		got, want []byte
	}{
		{"PUBACK", AppendPuback(nil, V311, 258, CodeUnspecified, "no"), []byte{0x40, 2, 1, 2}},
		{"PUBREC", AppendPubrec(nil, V311, 258, 0, ""), []byte{0x50, 2, 1, 2}},
		{"PUBCOMP", AppendPubcomp(nil, V311, 258, 0, ""), []byte{0x70, 2, 1, 2}},
		{"UNSUBSCRIBE", AppendUnsubscribe(nil, V311, &Unsubscribe{ID: 258, Filters: []string{"a", "b"}}), []byte{0xa2, 8, 1, 2, 0, 1, 'a', 0, 1, 'b'}},
		{"SUBACK", AppendSuback(nil, V311, 258, []byte{2, 0x87, 0x80}), []byte{0x90, 5, 1, 2, 2, 0x80, 0x80}},
		{"CONNACK accepted", AppendConnack(nil, V311, CodeSuccess, ""), []byte{0x20, 2, 0, 0}},
		{"CONNACK version", AppendConnack(nil, V311, CodeUnsupportedVersion, "no"), []byte{0x20, 2, 0, 1}},
		{"CONNACK client id", AppendConnack(nil, V311, CodeClientIDInvalid, "no"), []byte{0x20, 2, 0, 2}},
		{"CONNACK busy", AppendConnack(nil, V311, CodeServerBusy, "no"), []byte{0x20, 2, 0, 3}},
		{"CONNACK password", AppendConnack(nil, V311, CodeBadCredentials, "no"), []byte{0x20, 2, 0, 4}},
		{"CONNACK rights", AppendConnack(nil, V311, CodeNotAuthorized, "no"), []byte{0x20, 2, 0, 5}},
		{"CONNACK malformed: closed without a word", AppendConnack(nil, V311, CodeMalformed, "no"), nil},
		{"DISCONNECT, which no server sends", AppendDisconnect(nil, V311, CodeTakenOver, "no"), nil},
	} {
		if !bytes.Equal(tt.got, tt.want) {
			t.Errorf("%s = %x, want %x", tt.name, tt.got, tt.want)
		}
	}
}

func TestAppendPublishLengths(t *testing.T) {
	for _, size := range []int{0, 1, 124, 125, 126, 16379, 16380, 16381, 2097147, 2097148, 2097149} {
		p := &Publish{Topic: []byte("t"), Payload: make([]byte, size)}
		out := AppendPublish([]byte("before"), V311, p)
		h, ok := Outbound(out[6:])
		if !ok || h.Size != len(out)-6 || string(out[:6]) != "before" {
			t.Errorf("AppendPublish of %d bytes: Outbound = %+v, %v, want size %d", size, h, ok, len(out)-6)
		}
	}
}

// TestVarint goes along the edges where one more byte is needed (table 1-1).
func TestVarint(t *testing.T) {
	for _, tt := range []struct{ v, width int }{
		{0, 1}, {127, 1}, {128, 2}, {16383, 2}, {16384, 3}, {2097151, 3}, {2097152, 4}, {268435455, 4},
	} {
		b := appendVarint(nil, tt.v)
		v, w := varint(append(b, 0xff))
		if len(b) != tt.width || varintLen(tt.v) != tt.width || w != tt.width || int(v) != tt.v {
			t.Errorf("%d is written as %x, expected to take %d bytes and read as %d of %d bytes", tt.v, b, varintLen(tt.v), v, w)
		}
	}
}

func TestAppendSubscriptionID(t *testing.T) {
	p := &Publish{Topic: []byte("t"), Props: AppendSubscriptionID(nil, 268435455)}
	got := decodePaho(t, AppendPublish(nil, V5, p)).(*paho.Publish)
	if id := got.Properties.SubscriptionIdentifier; id == nil || *id != 268435455 {
		t.Errorf("subscription identifier = %v, want 268435455", id)
	}
}

func TestOutbound(t *testing.T) {
	for _, tt := range []struct {
		name  string
		frame []byte
		want  Header
	}{
		{"CONNACK", AppendConnack(nil, V5, 0, ""), Header{Type: TypeConnack, Size: 5}},
		{"PUBLISH QoS 0", frame(0x30, str("t"), 0xff, 0xff), Header{Type: TypePublish, Size: 7}},
		{"PUBLISH QoS 1", frame(0x32, str("t"), 1, 2, "x"), Header{Type: TypePublish, QoS: 1, ID: 258, Size: 8}},
		{"PUBREL", frame(0x62, 1, 2), Header{Type: TypePubrel, ID: 258, Size: 4}},
		{"PUBACK", AppendPuback(nil, V311, 258, 0, ""), Header{Type: TypePuback, ID: 258, Size: 4}},
		{"SUBACK", AppendSuback(nil, V5, 258, []byte{0}), Header{Type: TypeSuback, ID: 258, Size: 6}},
		{"PINGRESP", AppendPingresp(nil), Header{Type: TypePingresp, Size: 2}},
	} {
		for _, more := range [][]byte{nil, {0xff}} { // alone, and before the next frame
			if h, ok := Outbound(append(tt.frame, more...)); !ok || h != tt.want {
				t.Errorf("Outbound(%s) = %+v, %v, want %+v", tt.name, h, ok, tt.want)
			}
		}
	}
	long := frame(0x32, str("topic"), 1, 2)
	if h, ok := Outbound([]byte{0x30, 0x80}); ok {
		t.Errorf("Outbound of half a length = %+v, want to wait", h)
	}
	for n := range len(long) {
		if h, ok := Outbound(long[:n]); ok {
			t.Errorf("Outbound of the first %d bytes of a PUBLISH = %+v, want to wait", n, h)
		}
	}
}
