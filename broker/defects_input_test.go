package broker

import (
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
)

func TestD03SubscribeWithoutOptions(t *testing.T) {
	bad := frame(packet.TypeSubscribe<<4|2, []byte{0, 1, 0, 0, 1, 'a'})
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		b.client(packet.V5, "c").send(bad)
		select {
		case <-b.panics:
		case <-time.After(patience):
			t.Error("the engine alone does not panic: the test shows nothing")
		}
	})
	s := start(t)
	w, other := s.client(packet.V5, "d1", s.driver("d1")), s.client(packet.V5, "d2", s.driver("d2"))
	w.send(bad)
	w.ended(packet.CodeMalformed)
	other.silent()
}

// Announcing much costs the server nothing.
func TestD13AnnouncedLengthsAllocateNothing(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		w := b.dial(packet.V5)
		w.send([]byte{packet.TypeConnect << 4, 0xff, 0xff, 0xff, 0x7f})
		if _, err := w.read(500 * time.Millisecond); err == nil || !isTimeout(err) {
			t.Errorf("the engine alone does not wait for 256 MB: %v", err)
		}
	})
	s := start(t)
	w := s.dial(packet.V5)
	w.send([]byte{packet.TypeConnect << 4, 0xff, 0xff, 0xff, 0x7f})
	w.closed()
	before := heap()
	const n = 200
	announce := varint([]byte{packet.TypeConnect << 4}, connectSize-4)
	for range n {
		s.dial(packet.V5).send(announce)
	}
	eventually(t, "all have been read", func() bool {
		s.b.door.mu.Lock()
		defer s.b.door.mu.Unlock()
		return s.b.door.waiting == n
	})
	if after := heap(); after > before+n*connectSize/2 {
		t.Errorf("the heap grew by %d KiB a connection", (after-before)/n>>10)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
