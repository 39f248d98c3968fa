package broker

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
)

// FuzzTwoClients has one client say whatever it likes, before and after its
// CONNECT, while another one works: the server does not panic, the other's echo
// comes within a second, and the heap stays bounded.
func FuzzTwoClients(f *testing.F) {
	for _, version := range versions {
		v := version == packet.V5
		for _, frames := range [][]byte{
			nil,
			pingreq,
			publishFrame(version, d1+"location", fix(1), 1, 1),
			publishFrame(version, d1+"health", `{}`, 2, 1),
			subscribeFrame(version, 1, 1, nil, d1+"#", "$share/g/fleet/acme/broadcast"),
			unsubscribeFrame(version, 1, d1+"#"),
			frame(packet.TypeSubscribe<<4|2, []byte{0, 1, 0, 0, 1, 'a'}),
			{packet.TypePubrel<<4 | 2, 2, 0, 1},
			{packet.TypePuback << 4, 2, 0, 1},
			{packet.TypeDisconnect << 4, 0},
			authFrame("JWT", "nonsense"),
			hello{id: "d1"}.frame(version),
			{packet.TypePublish << 4, 0xff, 0xff, 0xff, 0x7f},
			bytes.Repeat([]byte{0xff}, 64),
		} {
			f.Add(v, true, frames)
			f.Add(v, false, frames)
		}
	}
	m := newMemoryStream()
	s := startOn(f, m, func(o *Options) { o.Limits.ConnectTimeout = time.Second })
	stop := make(chan struct{})
	f.Cleanup(func() { close(stop) })
	go func() {
		for {
			select {
			case r := <-m.records:
				r.answer(nil)
			case <-stop:
				return
			}
		}
	}()
	echo := s.client(packet.V5, "d2", s.driver("d2"))
	echo.granted(1, "fleet/acme/drivers/d2/health")
	token := s.driver("d1")
	f.Fuzz(func(t *testing.T, v5, connected bool, data []byte) {
		version := packet.V311
		if v5 {
			version = packet.V5
		}
		w := newWire(t, dialTCP(t, s.addr), version)
		defer w.nc.Close()
		if connected {
			w.connect(hello{id: "d1", password: token, keepAlive: 60})
		}
		_ = w.nc.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = w.nc.Write(data) // the server may have closed already
		_, _ = w.nc.Write(pingreq)

		echo.t = t
		began := time.Now()
		echo.publish("fleet/acme/drivers/d2/health", `{}`, 1, 1)
		for acked, echoed := false, false; !acked || !echoed; {
			switch g := echo.next(); g.typ() {
			case packet.TypePuback:
				acked = true
			case packet.TypePublish:
				echo.send(packet.AppendPuback(nil, packet.V5, echo.parse(g).id, 0, ""))
				echoed = true
			}
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("the other client's echo took %v", d)
		}
		var stats runtime.MemStats
		if runtime.ReadMemStats(&stats); stats.HeapAlloc > 512<<20 {
			t.Errorf("the heap is %d MiB", stats.HeapAlloc>>20)
		}
	})
}
