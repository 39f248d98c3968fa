package broker

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// What the stream does not take is neither acknowledged nor shown.
func TestD04FailingStreamFailsClosed(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t, &onPublish{err: errors.New("the disk is gone")})
		w := b.client(packet.V311, "c")
		w.publish("a", "x", 1, 1)
		w.acked(packet.TypePuback, 1, 0) // it fails open
	})
	for _, version := range []byte{packet.V311, packet.V5} {
		for qos := range byte(3) {
			m := newMemoryStream()
			m.refuse = func(fleet.Publication) error { return errors.New("the disk is gone") }
			s := startOn(t, m)
			x := s.client(packet.V5, "x1", s.dispatcher("x1"))
			x.granted(1, "fleet/acme/drivers/#")
			x.silent()
			w := s.dial(version)
			w.connect(hello{id: "d1", password: s.driver("d1")})
			x.message() // presence
			w.publish("fleet/acme/drivers/d1/location", fix(1), qos, uint16(qos))
			w.ended(packet.CodeUnspecified)
			x.message() // presence
			x.silent()
		}
	}
}

// An error that comes with the answer of the stream, and how full streams are
// told.
func TestD05FailedAppends(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t, &onPublish{err: fmt.Errorf("wrapped: %w", packets.ErrQuotaExceeded)})
		b.client(packet.V5, "c").publish("a", "x", 1, 1)
		select {
		case <-b.panics:
		case <-time.After(patience):
			t.Error("the engine alone does not panic: the test shows nothing")
		}
	})
	for err, code := range map[error]byte{
		fmt.Errorf("wrapped: %w", fleet.ErrFull): packet.CodeQuotaExceeded,
		errors.New("no quorum"):                  packet.CodeUnspecified,
	} {
		for _, version := range []byte{packet.V311, packet.V5} {
			m := newMemoryStream()
			s := startOn(t, m)
			w := s.client(version, "d1", s.driver("d1"))
			w.publish("fleet/acme/drivers/d1/location", fix(1), 1, 1)
			w.publish("fleet/acme/drivers/d1/location", fix(2), 1, 2)
			first, second := m.next(t), m.next(t)
			first.answer(err)
			second.answer(nil) // it may not be acknowledged before the first
			w.ended(code)
		}
	}
}

func TestD07WillsObeyTheRules(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		w := b.dial(packet.V5)
		w.connect(hello{id: "c", will: &packet.Will{Topic: "$SYS/broker/evil", Payload: []byte("x")}})
	})
	s := start(t)
	for _, topic := range []string{
		"forbidden/x", "$SYS/broker/evil", "fleet/acme/drivers/d2/health", "fleet/other/drivers/d1/health", "fleet/acme/live",
	} {
		for version, want := range map[byte]byte{packet.V5: 0x87, packet.V311: 5} {
			w := s.dial(version)
			w.send(hello{id: "d1", password: s.driver("d1"), will: &packet.Will{Topic: topic, Payload: []byte("x")}}.frame(version))
			if _, code, _ := w.connack(); code != want {
				t.Errorf("version %d, will on %s: CONNACK %#x, want %#x", version, topic, code, want)
			}
			w.closed()
		}
	}
	w := s.dial(packet.V5)
	w.send(hello{id: "d1", password: s.driver("d1"), will: &packet.Will{Topic: "bad/+/#", Payload: []byte("x")}}.frame(packet.V5))
	if _, code, _ := w.connack(); code < 0x80 {
		t.Error("a will on a wildcard is taken")
	}
}
