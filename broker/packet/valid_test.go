package packet

import (
	"cmp"
	"strings"
	"testing"

	paho "github.com/eclipse/paho.golang/packets"
	gocmp "github.com/google/go-cmp/cmp"
	mochi "github.com/mochi-mqtt/server/v2/packets"
)

// wellFormed are frames that a client may send after CONNECT, of every shape that is easily refused by mistake.
var wellFormed = []struct {
	name    string
	version byte
	frame   []byte
}{
	{"PUBLISH without payload", V311, frame(0x30, str("t"))},
	{"PUBLISH retained, empty", V5, frame(0x31, str("t"), 0)},
	{"PUBLISH QoS 2, DUP", V311, frame(0x3c, str("t"), 0, 1, "x")},
	{"PUBLISH of one slash", V311, frame(0x30, str("/"))},
	{"PUBLISH with empty levels and spaces", V5, frame(0x30, str("/a b//"), 0)},
	{"PUBLISH in other letters", V5, frame(0x30, str("flotte/ü/車/🚚"), 0)},
	{"PUBLISH beside the refused characters", V5, frame(0x30, str("\u00a0\ufdcf\ufdf0\ufffd"), 0)},
	{"PUBLISH with a byte order mark", V5, frame(0x30, str("\ufeffa"), 0)}, // [MQTT-1.5.4-3]
	{"PUBLISH to $SYS", V311, frame(0x30, str("$SYS/x"))},
	{"PUBLISH to the longest topic", V311, frame(0x30, str(strings.Repeat("a", 65535)))},
	{"PUBLISH binary payload that looks like text", V5, frame(0x30, str("t"), props(propPayloadFormat, 0), "\xff\x00+#")},
	{"PUBLISH by alias", V5, frame(0x32, str(""), 0, 1, props(propTopicAlias, 0, 7), "x")},
	{"PUBLISH with all properties", V5, frame(0x32, str("t"), 0, 1, props(
		propPayloadFormat, 1, propMessageExpiry, "\x00\x00\x00\x00", propTopicAlias, 0xff, 0xff, propResponseTopic, str("r/t"),
		propCorrelationData, str("\xff\x00"), user("k", "v"), user("k", "a\nb"), user("", ""), propContentType, str("")), "x")},

	{"PUBACK", V311, frame(0x40, 0, 1)},
	{"PUBACK short", V5, frame(0x40, 0xff, 0xff)},
	{"PUBACK with code", V5, frame(0x40, 0, 1, 0x80)},
	{"PUBREC with properties", V5, frame(0x50, 0, 1, 0x97, props(propReasonString, str("full"), user("a", "b"), user("a", "b")))},
	{"PUBREL", V311, frame(0x62, 0, 1)},
	{"PUBREL with code", V5, frame(0x62, 0, 1, 0x92, 0)},
	{"PUBCOMP", V5, frame(0x70, 0, 1, 0)},

	{"SUBSCRIBE", V311, frame(0x82, 0, 1, str("a/+/#"), 2, str("#"), 0, str("+"), 1, str("/"), 0, str("+/+"), 0)},
	{"SUBSCRIBE with options", V5, frame(0x82, 0, 1, props(propSubscriptionID, "\xff\xff\xff\x7f", user("a", "b")), str("a"), 0x2e, str("$share/g/+/b"), 0x11)},
	{"SUBSCRIBE to a shared topic of many levels", V5, frame(0x82, 0, 1, 0, str("$share/g//#"), 0)},
	{"SUBSCRIBE to a name that only begins like a share", V5, frame(0x82, 0, 1, 0, str("$shared/a"), 4)},
	{"SUBSCRIBE deep", V5, frame(0x82, 0, 1, 0, str(strings.Repeat("/", 60000)), 0)},
	{"UNSUBSCRIBE", V311, frame(0xa2, 0, 1, str("a/#"), str("b"))},
	{"UNSUBSCRIBE with properties", V5, frame(0xa2, 0, 1, props(user("a", "b")), str("$share/g/a"))},

	{"PINGREQ", V311, frame(0xc0)},
	{"PINGREQ with a long length in 3.1.1", V311, []byte{0xc0, 0x80, 0x00}},
	{"DISCONNECT", V311, frame(0xe0)},
	{"DISCONNECT short", V5, frame(0xe0)},
	{"DISCONNECT with will", V5, frame(0xe0, 4)},
	{"DISCONNECT with properties", V5, frame(0xe0, 0x82, props(propSessionExpiry, "\x00\x00\x00\x00", propReasonString, str("bye"), user("a", "b")))},
	{"AUTH again", V5, frame(0xf0, 0x19, props(propAuthMethod, str("JWT"), propAuthData, str("\x00\xff"), propReasonString, str("soon"), user("a", "b")))},
	{"AUTH goes on", V5, frame(0xf0, 0x18, props(propAuthMethod, str("JWT")))},
}

func TestCheckAccepts(t *testing.T) {
	for _, tt := range wellFormed {
		if err := Check(tt.frame, tt.version); err != nil {
			t.Errorf("Check(%s, version %d) = %v", tt.name, tt.version, err)
		}
		if _, err := decodeMochi(tt.frame, tt.version); err != nil {
			t.Errorf("%s, version %d: the engine refuses what Check accepts: %v", tt.name, tt.version, err)
		}
		if tt.version == V5 && tt.name != "DISCONNECT short" { // which Paho cannot read
			decodePaho(t, tt.frame)
		}
	}
}

// engineOnly are the examples of the engine that are right in its mind, and that
// no client may send.
var engineOnly = map[string]string{
	"Connect/mqtt v3.1":                "protocol version is neither 3.1.1 nor 5",
	"Disconnect/takeover":              "reason code that is not for this packet",
	"Disconnect/shutting down":         "reason code that is not for this packet",
	"Auth/auth":                        "reason code that is not for this packet",
	"Publish/mqtt v5":                  "subscription identifier from a client",
	"Publish/subscription identifiers": "subscription identifier from a client",
	"Publish/dup":                      "PUBLISH with DUP and QoS 0",
}

// TestEngineExamples takes the examples with which the engine tests itself.
func TestEngineExamples(t *testing.T) {
	tested := 0
	for typ, examples := range mochi.TPacketData {
		for _, ex := range examples {
			wrong := ex.FailFirst != nil || ex.Expect != nil || ex.Group == "encode" || ex.Group == "validate"
			if wrong || ex.Packet == nil || len(ex.RawBytes) == 0 || checkFirst(typ<<4|2) != nil && checkFirst(typ<<4) != nil {
				continue
			}
			tested++
			var err error
			if typ == mochi.Connect {
				_, err = ParseConnect(ex.RawBytes)
			} else {
				err = Check(ex.RawBytes, cmp.Or(ex.Packet.ProtocolVersion, V311))
			}
			name := mochi.PacketNames[typ] + "/" + ex.Desc
			if err != nil && err.Error() != engineOnly[name] {
				t.Errorf("%s (%x): error %q, want %q", name, ex.RawBytes, err, engineOnly[name])
			}
		}
	}
	if tested < 50 {
		t.Errorf("only %d examples", tested)
	}
}

func TestParseConnectDefaults(t *testing.T) {
	for version, in := range map[byte][]byte{
		V311: frame(0x10, connect4, 2, 0, 0, str("")),
		V5:   frame(0x10, connect5, 2, 0, 0, 0, str("")),
	} {
		want := &Connect{Version: version, CleanStart: true, ReceiveMaximum: 65535, RequestProblemInfo: true}
		got, err := ParseConnect(in)
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("ParseConnect of the least CONNECT of version %d: error %v, difference (-want +got):\n%s", version, err, diff)
		}
	}
}

func TestParseConnectFull(t *testing.T) {
	one, zero, expiry, delay, receive, alias, size := byte(1), byte(0), uint32(3600), uint32(5), uint16(10), uint16(3), uint32(65536)
	in := encodePaho(t, &paho.Connect{
		ProtocolName: "MQTT", ProtocolVersion: 5,
		ClientID: "d7:phone", CleanStart: false, KeepAlive: 30,
		UsernameFlag: true, Username: "d7", PasswordFlag: true, Password: []byte("\x00secret"),
		WillFlag: true, WillTopic: "fleet/acme/drivers/d7/duty", WillMessage: []byte("off"), WillQOS: 1, WillRetain: true,
		WillProperties: &paho.Properties{WillDelayInterval: &delay, PayloadFormat: &one, MessageExpiry: &expiry, ContentType: "text/plain",
			ResponseTopic: "r", CorrelationData: []byte{0}, User: []paho.User{{Key: "a", Value: "b"}}},
		Properties: &paho.Properties{SessionExpiryInterval: &expiry, ReceiveMaximum: &receive, TopicAliasMaximum: &alias, MaximumPacketSize: &size,
			RequestProblemInfo: &zero, RequestResponseInfo: &one, AuthMethod: "JWT", AuthData: []byte{1, 2}, User: []paho.User{{Key: "a", Value: "b"}, {Key: "a", Value: "c"}}},
	})
	want := &Connect{
		Version: V5, ClientID: "d7:phone", KeepAlive: 30,
		HasUsername: true, Username: "d7", HasPassword: true, Password: []byte("\x00secret"),
		Will: &Will{Topic: "fleet/acme/drivers/d7/duty", Payload: []byte("off"), QoS: 1, Retain: true, Delay: 5,
			Props: []byte{0x26, 0, 1, 'a', 0, 1, 'b'}},
		SessionExpiry: 3600, HasSessionExpiry: true, ReceiveMaximum: 10, TopicAliasMaximum: 3, MaximumPacketSize: 65536,
		RequestResponseInfo: true, AuthMethod: "JWT", AuthData: []byte{1, 2}, UserProperties: 2,
	}
	got, err := ParseConnect(in)
	if diff := gocmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ParseConnect: error %v, difference (-want +got):\n%s", err, diff)
	}
	clear(in) // the caller reuses its buffer
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("the Connect shares memory with its frame (-want +got):\n%s", diff)
	}
}

func TestParseRare(t *testing.T) {
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"PUBREC", must(ParseAck(frame(0x50, 1, 2, 0x97), V5)), Ack{Type: TypePubrec, ID: 258, Code: CodeQuotaExceeded}},
		{"PUBACK", must(ParseAck(frame(0x40, 1, 2), V311)), Ack{Type: TypePuback, ID: 258}},
		{"DISCONNECT", must(ParseDisconnect(frame(0xe0, 4, props(propSessionExpiry, 0, 0, 0, 9)), V5)),
			Disconnect{Code: CodeDisconnectWithWill, SessionExpiry: 9, HasSessionExpiry: true}},
		{"AUTH", must(ParseAuth(frame(0xf0, 0x19, props(propAuthMethod, str("JWT"), propAuthData, str("abc"))))),
			&Auth{Code: CodeReauthenticate, Method: "JWT", Data: []byte("abc")}},
		{"SUBSCRIBE", must(ParseSubscribe(frame(0x82, 0, 9, props(propSubscriptionID, 0x80, 1), str("a/#"), 0x2e, str("$share/g/b"), 0x11), V5)),
			&Subscribe{ID: 9, SubscriptionID: 128, Filters: []Filter{
				{Filter: "a/#", QoS: 2, NoLocal: true, RetainAsPublished: true, RetainHandling: 2},
				{Filter: "$share/g/b", QoS: 1, RetainHandling: 1}}}},
		{"UNSUBSCRIBE", must(ParseUnsubscribe(frame(0xa2, 0, 9, str("a/#"), str("b")), V311)), &Unsubscribe{ID: 9, Filters: []string{"a/#", "b"}}},
	} {
		if diff := gocmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
