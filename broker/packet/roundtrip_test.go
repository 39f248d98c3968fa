package packet

import (
	"bytes"
	"testing"

	paho "github.com/eclipse/paho.golang/packets"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	mochi "github.com/mochi-mqtt/server/v2/packets"
	"pgregory.net/rapid"
)

var (
	topics = rapid.StringOfN(rapid.SampledFrom([]rune("abcXYZ019/ $-_üß車🚚")), 1, 60, -1)
	texts  = rapid.StringOfN(rapid.SampledFrom([]rune("ab \n\"é+#\u0001")), 0, 20, -1)
	blobs  = rapid.SliceOfN(rapid.Byte(), 0, 300)
	levels = rapid.SampledFrom([]string{"+", "a", "", "ü", "fleet", "$x"})
	ids    = rapid.Uint16Range(1, 65535)
)

// filters draws topic filters of good form.
var filters = rapid.Custom(func(t *rapid.T) string {
	f := rapid.SampledFrom([]string{"a", "+", "$share/g/a", "$share/ü/+"}).Draw(t, "first")
	for _, level := range rapid.SliceOfN(levels, 0, 8).Draw(t, "levels") {
		f += "/" + level
	}
	if rapid.Bool().Draw(t, "all") {
		f += "/#"
	}
	return f
})

var users = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) paho.User {
	return paho.User{Key: texts.Draw(t, "key"), Value: texts.Draw(t, "value")}
}), 0, 3)

// maybe draws a value, or nil.
func maybe[T any](t *rapid.T, g *rapid.Generator[T], name string) *T {
	if rapid.Bool().Draw(t, name+"?") {
		return nil
	}
	v := g.Draw(t, name)
	return &v
}

func messageProperties(t *rapid.T) *paho.Properties {
	p := &paho.Properties{
		PayloadFormat:   maybe(t, rapid.ByteRange(0, 1), "payload format"),
		MessageExpiry:   maybe(t, rapid.Uint32(), "expiry"),
		ContentType:     texts.Draw(t, "content type"),
		CorrelationData: blobs.Draw(t, "correlation data"),
		User:            users.Draw(t, "user"),
	}
	if topic := maybe(t, topics, "response topic"); topic != nil {
		p.ResponseTopic = *topic
	}
	return p
}

var sameMessage = cmpopts.EquateEmpty()

// TestPublish5RoundTrip: what Paho writes is read as it was meant, and what is
// appended for a subscriber reads in Paho as the same, less the alias.
func TestPublish5RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &paho.Publish{
			Topic:      topics.Draw(t, "topic"),
			Payload:    blobs.Draw(t, "payload"),
			QoS:        rapid.ByteRange(0, 2).Draw(t, "qos"),
			Retain:     rapid.Bool().Draw(t, "retain"),
			Properties: messageProperties(t),
		}
		if in.QoS > 0 {
			in.PacketID, in.Duplicate = ids.Draw(t, "id"), rapid.Bool().Draw(t, "dup")
		}
		in.Properties.TopicAlias = maybe(t, ids, "alias")
		var raw bytes.Buffer
		if _, err := in.WriteTo(&raw); err != nil {
			t.Fatal(err)
		}
		f := raw.Bytes()
		if n, _, err := Split(f, 1<<20); n != len(f) || err != nil {
			t.Fatalf("Split = %d, %v, want %d", n, err, len(f))
		}
		var p Publish
		if err := ParsePublish(f, V5, &p); err != nil {
			t.Fatalf("ParsePublish(%x) = %v", f, err)
		}
		want := Publish{Topic: []byte(in.Topic), Payload: in.Payload, ID: in.PacketID, QoS: in.QoS, Dup: in.Duplicate, Retain: in.Retain}
		if in.Properties.TopicAlias != nil {
			want.TopicAlias = *in.Properties.TopicAlias
		}
		if diff := cmp.Diff(want, p, sameMessage, cmpopts.IgnoreFields(Publish{}, "Props")); diff != "" {
			t.Fatalf("ParsePublish (-want +got):\n%s", diff)
		}
		out := AppendPublish(nil, V5, &p)
		cp, err := paho.ReadPacket(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("paho cannot decode %x: %v", out, err)
		}
		in.Properties.TopicAlias = nil
		if diff := cmp.Diff(in, cp.Content, sameMessage); diff != "" {
			t.Fatalf("AppendPublish (-want +got):\n%s", diff)
		}
		if h, ok := Outbound(out); !ok || h != (Header{Type: TypePublish, QoS: in.QoS, ID: in.PacketID, Size: len(out)}) {
			t.Fatalf("Outbound(%x) = %+v, %v", out, h, ok)
		}
	})
}

// TestPublish311RoundTrip: what the engine writes is read, and appended byte for byte.
func TestPublish311RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := mochi.Packet{ProtocolVersion: V311, TopicName: topics.Draw(t, "topic"), Payload: blobs.Draw(t, "payload")}
		in.FixedHeader = mochi.FixedHeader{Type: mochi.Publish, Qos: rapid.ByteRange(0, 2).Draw(t, "qos"), Retain: rapid.Bool().Draw(t, "retain")}
		if in.FixedHeader.Qos > 0 {
			in.PacketID, in.FixedHeader.Dup = ids.Draw(t, "id"), rapid.Bool().Draw(t, "dup")
		}
		var raw bytes.Buffer
		if err := in.PublishEncode(&raw); err != nil {
			t.Fatal(err)
		}
		var p Publish
		if err := ParsePublish(raw.Bytes(), V311, &p); err != nil {
			t.Fatalf("ParsePublish(%x) = %v", raw.Bytes(), err)
		}
		if string(p.Topic) != in.TopicName || !bytes.Equal(p.Payload, in.Payload) || p.ID != in.PacketID {
			t.Fatalf("ParsePublish(%x) = %+v", raw.Bytes(), p)
		}
		if out := AppendPublish(nil, V311, &p); !bytes.Equal(out, raw.Bytes()) {
			t.Fatalf("AppendPublish = %x, want %x", out, raw.Bytes())
		}
	})
}

func TestConnectRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &paho.Connect{
			ProtocolName: "MQTT", ProtocolVersion: 5,
			ClientID: topics.Draw(t, "client id"), CleanStart: rapid.Bool().Draw(t, "clean"), KeepAlive: rapid.Uint16().Draw(t, "keep alive"),
			Properties: &paho.Properties{
				SessionExpiryInterval: maybe(t, rapid.Uint32(), "session expiry"),
				ReceiveMaximum:        maybe(t, ids, "receive maximum"),
				MaximumPacketSize:     maybe(t, rapid.Uint32Min(1), "maximum packet size"),
				TopicAliasMaximum:     maybe(t, rapid.Uint16(), "alias maximum"),
				RequestProblemInfo:    maybe(t, rapid.ByteRange(0, 1), "problem info"),
				RequestResponseInfo:   maybe(t, rapid.ByteRange(0, 1), "response info"),
				User:                  users.Draw(t, "user"),
			},
		}
		want := &Connect{Version: V5, ClientID: in.ClientID, CleanStart: in.CleanStart, KeepAlive: in.KeepAlive,
			ReceiveMaximum: 65535, RequestProblemInfo: true, UserProperties: len(in.Properties.User)}
		pr := in.Properties
		if pr.SessionExpiryInterval != nil {
			want.SessionExpiry, want.HasSessionExpiry = *pr.SessionExpiryInterval, true
		}
		if pr.ReceiveMaximum != nil {
			want.ReceiveMaximum = *pr.ReceiveMaximum
		}
		if pr.MaximumPacketSize != nil {
			want.MaximumPacketSize = *pr.MaximumPacketSize
		}
		if pr.TopicAliasMaximum != nil {
			want.TopicAliasMaximum = *pr.TopicAliasMaximum
		}
		want.RequestProblemInfo = pr.RequestProblemInfo == nil || *pr.RequestProblemInfo == 1
		want.RequestResponseInfo = pr.RequestResponseInfo != nil && *pr.RequestResponseInfo == 1
		if rapid.Bool().Draw(t, "user name?") {
			in.UsernameFlag, in.Username = true, texts.Draw(t, "user name")
			want.HasUsername, want.Username = true, in.Username
		}
		if rapid.Bool().Draw(t, "password?") {
			in.PasswordFlag, in.Password = true, blobs.Draw(t, "password")
			want.HasPassword, want.Password = true, in.Password
		}
		if rapid.Bool().Draw(t, "will?") {
			in.WillFlag, in.WillTopic, in.WillMessage = true, topics.Draw(t, "will topic"), blobs.Draw(t, "will payload")
			in.WillQOS, in.WillRetain, in.WillProperties = rapid.ByteRange(0, 2).Draw(t, "will qos"), rapid.Bool().Draw(t, "will retain"), messageProperties(t)
			want.Will = &Will{Topic: in.WillTopic, Payload: in.WillMessage, QoS: in.WillQOS, Retain: in.WillRetain}
			want.Will.Props = in.WillProperties.Pack(paho.CONNECT)
			if delay := maybe(t, rapid.Uint32(), "will delay"); delay != nil {
				in.WillProperties.WillDelayInterval, want.Will.Delay = delay, *delay
			}
		}
		var raw bytes.Buffer
		if _, err := in.WriteTo(&raw); err != nil {
			t.Fatal(err)
		}
		got, err := ParseConnect(raw.Bytes())
		if diff := cmp.Diff(want, got, sameMessage); err != nil || diff != "" {
			t.Fatalf("ParseConnect(%x): error %v, difference (-want +got):\n%s", raw.Bytes(), err, diff)
		}
	})
}

func TestSubscribeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &paho.Subscribe{PacketID: ids.Draw(t, "id"), Properties: &paho.Properties{User: users.Draw(t, "user")}}
		in.Properties.SubscriptionIdentifier = maybe(t, rapid.IntRange(1, 268435455), "subscription id")
		want := &Subscribe{ID: in.PacketID}
		if in.Properties.SubscriptionIdentifier != nil {
			want.SubscriptionID = uint32(*in.Properties.SubscriptionIdentifier)
		}
		un := &paho.Unsubscribe{PacketID: in.PacketID, Properties: &paho.Properties{User: in.Properties.User}}
		for _, f := range rapid.SliceOfN(filters, 1, 9).Draw(t, "filters") {
			sub := Filter{Filter: f, QoS: rapid.ByteRange(0, 2).Draw(t, "qos"), RetainHandling: rapid.ByteRange(0, 2).Draw(t, "retain handling"),
				NoLocal: f[0] != '$' && rapid.Bool().Draw(t, "no local"), RetainAsPublished: rapid.Bool().Draw(t, "retain as published")}
			want.Filters = append(want.Filters, sub)
			in.Subscriptions = append(in.Subscriptions, paho.SubOptions{Topic: f, QoS: sub.QoS, RetainHandling: sub.RetainHandling,
				NoLocal: sub.NoLocal, RetainAsPublished: sub.RetainAsPublished})
			un.Topics = append(un.Topics, f)
		}
		var raw bytes.Buffer
		if _, err := in.WriteTo(&raw); err != nil {
			t.Fatal(err)
		}
		got, err := ParseSubscribe(raw.Bytes(), V5)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("ParseSubscribe(%x): error %v, difference (-want +got):\n%s", raw.Bytes(), err, diff)
		}
		raw.Reset()
		if _, err := un.WriteTo(&raw); err != nil {
			t.Fatal(err)
		}
		gotUn, err := ParseUnsubscribe(raw.Bytes(), V5)
		if diff := cmp.Diff(&Unsubscribe{ID: un.PacketID, Filters: un.Topics}, gotUn); err != nil || diff != "" {
			t.Fatalf("ParseUnsubscribe(%x): error %v, difference (-want +got):\n%s", raw.Bytes(), err, diff)
		}
	})
}
