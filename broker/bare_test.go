package broker

import (
	"net"
	"testing"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// A bare is the engine without the guard. The defects of the engine (TestD01 to
// TestD13, by the numbers under which they were found) are each contained; a test
// that runs its scenario here as well shows that the defect is real and would be
// seen.
type bare struct {
	*mqtt.Server
	t      *testing.T
	addr   string
	panics chan any
}

func startBare(t *testing.T, hooks ...mqtt.Hook) *bare {
	t.Helper()
	b := &bare{
		Server: mqtt.New(&mqtt.Options{Logger: silent(), InlineClient: true}),
		t:      t, panics: make(chan any, 16),
	}
	for _, h := range append(hooks, new(allow)) {
		if err := b.AddHook(h, nil); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	t.Cleanup(func() { _ = ln.Close() }) // its own Close can deadlock
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() {
					if r := recover(); r != nil {
						b.panics <- r // without us the process would be gone
					}
				}()
				_ = b.EstablishConnection("bare", nc)
			}()
		}
	}()
	return b
}

func (b *bare) dial(version byte) *wire { return newWire(b.t, dialTCP(b.t, b.addr), version) }

func (b *bare) client(version byte, id string) *wire {
	w := b.dial(version)
	w.connect(hello{id: id, keepAlive: 60})
	return w
}

// allow lets everybody do everything.
type allow struct{ mqtt.HookBase }

func (*allow) ID() string { return "allow" }
func (*allow) Provides(event byte) bool {
	return event == mqtt.OnConnectAuthenticate || event == mqtt.OnACLCheck
}
func (*allow) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (*allow) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }

// onPublish answers every publish of a client with err.
type onPublish struct {
	mqtt.HookBase
	err error
}

func (*onPublish) ID() string               { return "publish" }
func (*onPublish) Provides(event byte) bool { return event == mqtt.OnPublish }
func (h *onPublish) OnPublish(_ *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	return pk, h.err
}
