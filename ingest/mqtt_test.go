package ingest_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/stream"
)

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// mosquitto starts Eclipse Mosquitto in dir and returns a function that ends it.
func mosquitto(t *testing.T, dir, port string) (stop func()) {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // Debian, where it is not in everybody's PATH
	}
	conf := filepath.Join(dir, "mosquitto.conf")
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location %s/\nmax_queued_messages 0\n", port, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatalf("this test needs Mosquitto: apt-get install -y mosquitto: %v", err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Signal(os.Interrupt)
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			return stop
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// subscribe ingests from a foreign broker; the function it returns stops that.
func (r *rig) subscribe(opts ingest.MQTTOptions) (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	w := ingest.New(r.log, r.store, ingest.Options{})
	go func() { done <- w.SubscribeMQTT(ctx, opts) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-done; err != nil {
				r.t.Errorf("SubscribeMQTT = %v", err)
			}
		}
	}
	r.t.Cleanup(stop)
	return stop
}

// A phone publishes to a foreign broker.
type phone struct {
	t *testing.T
	paho.Client
}

func dial(t *testing.T, port string) phone {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://127.0.0.1:" + port).SetClientID("phone"))
	if token := c.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	t.Cleanup(func() { c.Disconnect(0) })
	return phone{t, c}
}

func (p phone) say(topic, format string, args ...any) {
	p.t.Helper()
	if token := p.Publish(topic, 1, false, fmt.Sprintf(format, args...)); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		p.t.Fatalf("publish: %v", token.Error())
	}
}

// awaitSession publishes until something is stored: then the broker keeps what
// is published from here on.
func (r *rig) awaitSession(p phone) {
	r.t.Helper()
	timeout := time.After(20 * time.Second)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for len(r.store.saved) > 0 {
		<-r.store.saved
	}
	for i := 0; ; i++ {
		p.say("fleet/acme/drivers/probe/location", "%s", fixAt(i))
		select {
		case <-r.store.saved:
			return
		case <-timeout:
			r.t.Fatal("nothing is ingested")
		case <-again.C:
		}
	}
}

// awaitFix waits until the fix so many seconds after noon is stored.
func (r *rig) awaitFix(seconds int) {
	r.t.Helper()
	at := noon.Add(time.Duration(seconds) * time.Second)
	r.await(func(b *fleet.Batch) bool {
		return slices.ContainsFunc(b.Positions, func(p fleet.Position) bool { return p.Driver == "d7" && p.FixAt.Equal(at) })
	})
}

func TestForeignBroker(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	stopBroker := mosquitto(t, dir, port)
	r := newRigOn(t, t.TempDir(), stream.SyncAlways, sqliteIn(t.TempDir()))
	opts := ingest.MQTTOptions{
		URL: "mqtt://127.0.0.1:" + port, ClientID: "dray-ingest", Fleet: "acme",
		Topics: []string{"fleet/+/drivers/+/location", "owntracks/+/+", "vehicles/{driver}/gps"},
	}
	stop := r.subscribe(opts)
	p := dial(t, port)
	r.awaitSession(p)
	p.say("fleet/acme/drivers/d7/location", "%s", fixAt(0))
	p.say("owntracks/d7/pixel", `{"_type":"location","tst":%d,"lat":59.3,"lon":18}`, noon.Unix()+1)
	p.say("vehicles/d7/gps", "%s", fixAt(2))
	p.say("vehicles/d7/gps", "%s", fixAt(2)) // again
	p.say("vehicles/d7/gps", "broken")
	p.say("vehicles/d7/gps", "broken") // again
	r.await(func(b *fleet.Batch) bool { return len(b.Dead) > 0 })
	stop()

	p.say("vehicles/d7/gps", "%s", fixAt(3)) // kept by the broker meanwhile
	r.subscribe(opts)
	r.awaitFix(3)
	p.Disconnect(100)
	stopBroker()
	mosquitto(t, dir, port) // comes back, and so do we
	p = dial(t, port)
	r.awaitSession(p)
	p.say("vehicles/d7/gps", "%s", fixAt(4))
	p.say("vehicles/d7/gps", "broken")
	p.say("vehicles/d7/gps", "%s", fixAt(5))
	r.awaitFix(5)

	var got []string
	for _, p := range r.track("d7") {
		got = append(got, fmt.Sprintf("%s+%v", p.Source, p.FixAt.Sub(noon)))
	}
	if want := "+0s pixel+1s +2s +3s +4s +5s"; strings.Join(got, " ") != want {
		t.Errorf("track is %q, want %q", got, want)
	}
	if letters, err := r.store.DeadLetters(t.Context(), "acme", "", 10); err != nil || len(letters) != 1 {
		t.Errorf("dead letters are %+v, error %v, want one", letters, err)
	}
}

// Anyone may do anything.
type anyone struct{ mochi.HookBase }

func (*anyone) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}
func (*anyone) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }
func (*anyone) OnACLCheck(_ *mochi.Client, _ string, _ bool) bool        { return true }

// TestForeignBrokerWithoutSharedSubscriptions falls back to plain ones.
func TestForeignBrokerWithoutSharedSubscriptions(t *testing.T) {
	port := freePort(t)
	server := mochi.New(nil)
	server.Options.Capabilities.SharedSubAvailable = 0
	if err := server.AddHook(new(anyone), nil); err != nil {
		t.Fatal(err)
	}
	if err := server.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:" + port})); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	r := newRigOn(t, t.TempDir(), stream.SyncAlways, sqliteIn(t.TempDir()))
	r.subscribe(ingest.MQTTOptions{URL: "mqtt://127.0.0.1:" + port, ClientID: "dray-ingest", Topics: []string{"fleet/+/drivers/+/location"}})
	r.awaitSession(dial(t, port))
}
