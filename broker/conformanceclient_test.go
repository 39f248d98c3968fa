package broker

import (
	"encoding/binary"
	"testing"

	"github.com/dray-fleet/dray/broker/packet"
)

func startConformance(t *testing.T) *server {
	t.Helper()
	return start(t, func(o *Options) { o.Conformance = true })
}

// plain connects without a token.
func (s *server) plain(version byte, h hello) (w *wire, present bool, props map[byte][]byte) {
	s.t.Helper()
	w = s.dial(version)
	present, props = w.connect(h)
	return w, present, props
}

func (w *wire) goodbye() {
	w.t.Helper()
	w.send([]byte{packet.TypeDisconnect << 4, 0})
	w.closed()
}

// publishes sends one publication and completes its handshake.
func (w *wire) publishes(p packet.Publish) {
	w.t.Helper()
	w.send(packet.AppendPublish(nil, w.version, &p))
	w.finish(p.QoS, p.ID)
}

// receives takes one publication and completes its handshake.
func (w *wire) receives() message {
	w.t.Helper()
	m := w.message()
	switch m.qos {
	case 1:
		w.send(packet.AppendPuback(nil, w.version, m.id, 0, ""))
	case 2:
		w.send(packet.AppendPubrec(nil, w.version, m.id, 0, ""))
		w.want(packet.TypePubrel)
		w.send(packet.AppendPubcomp(nil, w.version, m.id, 0, ""))
	}
	return m
}

// takes takes n publications, and the acknowledgement of one of its own at qos,
// whatever their order, and completes every handshake.
func (w *wire) takes(n, qos int) (all []message) {
	w.t.Helper()
	open := n + qos // handshakes of QoS 1 take one frame of the server, of QoS 2 two
	for open > 0 {
		open--
		switch g := w.next(); g.typ() {
		case packet.TypePublish:
			m := w.parse(g)
			all = append(all, m)
			switch m.qos {
			case 1:
				w.send(packet.AppendPuback(nil, w.version, m.id, 0, ""))
			case 2:
				w.send(packet.AppendPubrec(nil, w.version, m.id, 0, ""))
				open++
			}
		case packet.TypePubrel:
			w.send(packet.AppendPubcomp(nil, w.version, binary.BigEndian.Uint16(g.body), 0, ""))
		case packet.TypePubrec:
			w.send(append([]byte{packet.TypePubrel<<4 | 2, 2}, g.body[:2]...))
		}
	}
	return all
}
