package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/eclipse/paho.golang/packets"
	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// A server on all transports, which clients that others wrote connect to.
type everywhere struct {
	*server
	urls  map[string]string // by scheme: mqtt, mqtts, ws, wss
	roots *x509.CertPool
	ca    string // file of the certificate
}

func startEverywhere(t *testing.T) everywhere {
	t.Helper()
	cert, pool := certificate(t, "")
	e := everywhere{roots: pool, ca: filepath.Join(t.TempDir(), "ca.pem")}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	if err := os.WriteFile(e.ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	e.server = start(t, func(o *Options) {
		o.TLSAddr, o.TLS = "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}}
	})
	https := httptest.NewUnstartedServer(http.StripPrefix("/mqtt", e.b))
	https.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	https.StartTLS()
	t.Cleanup(https.Close)
	e.urls = map[string]string{
		"mqtt": "mqtt://" + e.addr, "mqtts": "mqtts://" + e.b.TLSAddr().String(),
		"ws": e.url(), "wss": "wss://" + https.Listener.Addr().String() + "/mqtt",
	}
	return e
}

// dial opens the byte stream that an MQTT client talks on.
func (e everywhere) dial(t *testing.T, scheme string) net.Conn {
	t.Helper()
	u, err := url.Parse(e.urls[scheme])
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: e.roots}
	switch scheme {
	case "mqtt":
		return dialTCP(t, u.Host)
	case "mqtts":
		nc, err := tls.Dial("tcp", u.Host, config)
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
	c, _, err := websocket.Dial(t.Context(), u.String(), &websocket.DialOptions{
		Subprotocols: []string{"mqtt"}, HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: config}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return websocket.NetConn(t.Context(), c, websocket.MessageBinary)
}

func TestPahoMQTT311(t *testing.T) {
	e := startEverywhere(t)
	for scheme := range e.urls {
		t.Run(scheme, func(t *testing.T) { e.pahoMQTT311(t, scheme) })
	}
}

func (e everywhere) pahoMQTT311(t *testing.T, scheme string) {
	connect := func(id, token string, change func(*paho3.ClientOptions)) paho3.Client {
		t.Helper()
		opts := paho3.NewClientOptions().AddBroker(e.urls[scheme]).SetTLSConfig(&tls.Config{RootCAs: e.roots}).
			SetClientID(id).SetUsername(id).SetPassword(token).SetCleanSession(false).SetAutoReconnect(false).
			SetProtocolVersion(4).SetConnectTimeout(patience)
		change(opts)
		c := paho3.NewClient(opts)
		done(t, c.Connect())
		return c
	}
	got := make(chan paho3.Message, 100)
	watch := func(_ paho3.Client, m paho3.Message) {
		// What met the connection in its last moment comes again, and is the first to come.
		if !m.Duplicate() || string(m.Payload()) == "meanwhile" {
			got <- m
		}
	}
	watching := func(o *paho3.ClientOptions) { o.SetDefaultPublishHandler(watch) }
	x := connect("x1:"+scheme, e.dispatcher("x1"), watching)
	done(t, x.SubscribeMultiple(map[string]byte{d1 + "health": 2, d1 + "location": 1, d1 + "duty": 1, "fleet/acme/alerts/+": 1}, watch))
	d := connect("d1", e.driver("d1"), func(o *paho3.ClientOptions) { o.SetWill(d1+"duty", `{"state":"off"}`, 1, false) })
	for qos := range byte(3) {
		done(t, d.Publish(d1+"health", qos, false, health(1)))
		m := next(t, got)
		if m.Qos() != qos || m.Topic() != d1+"health" {
			t.Errorf("QoS %d came as %d on %s", qos, m.Qos(), m.Topic())
		}
	}
	done(t, d.Publish(d1+"location", 1, false, fix(1)))
	if m := next(t, got); string(m.Payload()) != fix(1) {
		t.Errorf("got %s", m.Payload())
	}
	if err := e.b.Disconnect("acme", "d1"); err != nil {
		t.Fatal(err)
	}
	if m := next(t, got); m.Topic() != d1+"duty" {
		t.Errorf("will on %s", m.Topic())
	}
	d.Disconnect(0)
	// Resume, with what came meanwhile.
	x.Disconnect(100)
	e.gone(t, "x1:"+scheme)
	e.b.Publish("fleet/acme/alerts/speed", []byte("meanwhile"), false, 1)
	x = connect("x1:"+scheme, e.dispatcher("x1"), watching)
	if m := next(t, got); string(m.Payload()) != "meanwhile" {
		t.Errorf("got %s", m.Payload())
	}
	x.Disconnect(100)
}

// gone waits until a client has left.
func (s *server) gone(t *testing.T, id string) {
	t.Helper()
	eventually(t, id+" is gone", func() bool { return s.b.sessions.connected("acme/"+id) == nil })
}

func done(t *testing.T, token paho3.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatalf("paho: %v", token.Error())
	}
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestPahoMQTT5(t *testing.T) {
	e := startEverywhere(t)
	for scheme := range e.urls {
		t.Run(scheme, func(t *testing.T) { e.pahoMQTT5(t, scheme) })
	}
}

func (e everywhere) pahoMQTT5(t *testing.T, scheme string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	got := make(chan *paho5.Publish, 100)
	gone := make(chan *paho5.Disconnect, 1)
	connect := func(cp *paho5.Connect, expiry uint32) (*paho5.Client, *paho5.Connack) {
		t.Helper()
		c := paho5.NewClient(paho5.ClientConfig{
			Conn:               packets.NewThreadSafeConn(e.dial(t, scheme)),
			AuthHandler:        &renewals{},
			OnServerDisconnect: func(d *paho5.Disconnect) { gone <- d },
			OnPublishReceived: []func(paho5.PublishReceived) (bool, error){func(p paho5.PublishReceived) (bool, error) {
				if !p.Packet.Duplicate() {
					got <- p.Packet
				}
				return true, nil
			}},
		})
		cp.KeepAlive = 30
		if cp.Properties == nil {
			cp.Properties = &paho5.ConnectProperties{}
		}
		cp.Properties.SessionExpiryInterval = &expiry
		ack, err := c.Connect(ctx, cp)
		if err != nil {
			t.Fatalf("paho: %v", err)
		}
		return c, ack
	}
	hello := func(id, token string) *paho5.Connect {
		return &paho5.Connect{ClientID: id, Username: id, UsernameFlag: true, Password: []byte(token), PasswordFlag: true, CleanStart: true}
	}
	x, _ := connect(hello("x1", e.dispatcher("x1")), 3600)
	if _, err := x.Subscribe(ctx, &paho5.Subscribe{Subscriptions: []paho5.SubscribeOptions{
		{Topic: d1 + "health", QoS: 2}, {Topic: d1 + "duty", QoS: 1}, {Topic: "fleet/acme/alerts/+", QoS: 1},
	}}); err != nil {
		t.Fatal(err)
	}
	driver := hello("d1", e.driver("d1"))
	driver.WillMessage = &paho5.WillMessage{Topic: d1 + "duty", Payload: []byte(`{"state":"off"}`), QoS: 1}
	d, _ := connect(driver, 0)
	for qos := range byte(3) {
		p := &paho5.Publish{Topic: d1 + "health", QoS: qos, Payload: []byte(health(int(qos))), Properties: &paho5.PublishProperties{}}
		p.Properties.User.Add("trip", "7")
		if _, err := d.Publish(ctx, p); err != nil {
			t.Fatal(err)
		}
		if m := next(t, got); m.QoS != qos || m.Properties.User.Get("trip") != "7" {
			t.Errorf("QoS %d came as %v", qos, m)
		}
	}
	if err := e.b.Disconnect("acme", "d1"); err != nil {
		t.Fatal(err)
	}
	if d := next(t, gone); d.ReasonCode != packet.CodeAdministrative {
		t.Errorf("DISCONNECT %v", d)
	}
	if m := next(t, got); m.Topic != d1+"duty" {
		t.Errorf("will on %s", m.Topic)
	}
	// Resume, with what came meanwhile.
	if err := x.Disconnect(&paho5.Disconnect{}); err != nil {
		t.Fatal(err)
	}
	e.gone(t, "x1")
	e.b.Publish("fleet/acme/alerts/speed", []byte("meanwhile"), false, 1)
	again := hello("x1", e.dispatcher("x1"))
	again.CleanStart = false
	x, ack := connect(again, 3600)
	if !ack.SessionPresent {
		t.Error("no session present")
	}
	if m := next(t, got); string(m.Payload) != "meanwhile" {
		t.Errorf("got %v", m)
	}
	_ = x.Disconnect(&paho5.Disconnect{})

	// Renewal, of a token that came as authentication data.
	soon := e.token(fleet.RoleDispatcher, "acme", "x2", func(c *auth.Claims) { c.ExpiresAt = time.Now().Add(time.Minute) })
	r, _ := connect(&paho5.Connect{ClientID: "x2", CleanStart: true, Properties: &paho5.ConnectProperties{AuthMethod: "JWT", AuthData: []byte(soon)}}, 0)
	res, err := r.Authenticate(ctx, &paho5.Auth{ReasonCode: packet.CodeReauthenticate, Properties: &paho5.AuthProperties{AuthMethod: "JWT", AuthData: []byte(e.dispatcher("x2"))}})
	if err != nil || !res.Success {
		t.Fatalf("renewal: %v %v", res, err)
	}
	if left := time.Until(e.b.sessions.connected("acme/x2").claims.Load().ExpiresAt); left < 2*time.Minute {
		t.Errorf("renewed for %v", left)
	}
	_ = r.Disconnect(&paho5.Disconnect{})
}

// renewals is what paho wants to know of authentication.
type renewals struct{}

func (*renewals) Authenticate(*paho5.Auth) *paho5.Auth { return nil }
func (*renewals) Authenticated()                       {}

// MQTT.js, as browsers and Node have it: testdata/mqttjs.mjs.
func TestMQTTjs(t *testing.T) {
	e := startEverywhere(t)
	modules, err := filepath.Abs("../web/package.json")
	if err != nil {
		t.Fatal(err)
	}
	for scheme, url := range e.urls {
		t.Run(scheme, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "node", "testdata/mqttjs.mjs", modules, url, e.driver("d1"), e.dispatcher("x1"),
				e.token(fleet.RoleDispatcher, "acme", "x2", func(c *auth.Claims) { c.ExpiresAt = time.Now().Add(time.Minute) }), e.dispatcher("x2"))
			cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+e.ca)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestMosquittoClients(t *testing.T) {
	e := startEverywhere(t)
	for _, scheme := range []string{"mqtt", "mqtts"} { // Debian's know no WebSocket
		t.Run(scheme, func(t *testing.T) { e.mosquitto(t, scheme) })
	}
}

func (s everywhere) mosquitto(t *testing.T, scheme string) {
	u, err := url.Parse(s.urls[scheme])
	if err != nil {
		t.Fatal(err)
	}
	run := func(name, version, id, token string, args ...string) *exec.Cmd {
		if scheme == "mqtts" {
			args = append(args, "--cafile", s.ca)
		}
		args = append([]string{"-h", u.Hostname(), "-p", u.Port(), "-V", version, "-i", id, "-u", id, "-P", token}, args...)
		return exec.CommandContext(t.Context(), name, args...)
	}
	for _, version := range []string{"mqttv311", "mqttv5"} {
		sub := run("mosquitto_sub", version, "x1", s.dispatcher("x1"), "-t", d1+"health", "-q", "2", "-C", "3", "-W", "20", "-F", "%q %p")
		var out strings.Builder
		sub.Stdout, sub.Stderr = &out, &out
		if err := sub.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it has subscribed", func() bool {
			return len(s.b.engine.Topics.Subscribers(d1+"health").Subscriptions) == 1
		})
		for _, qos := range []string{"0", "1", "2"} {
			args := []string{"-t", d1 + "health", "-q", qos, "-m", `{"battery_pct":` + qos + `}`}
			if version == "mqttv5" {
				args = append(args, "-D", "publish", "user-property", "trip", "7")
			}
			if out, err := run("mosquitto_pub", version, "d1", s.driver("d1"), args...).CombinedOutput(); err != nil {
				t.Fatalf("mosquitto_pub: %v %s", err, out)
			}
		}
		if err := sub.Wait(); err != nil || out.String() != "0 {\"battery_pct\":0}\n1 {\"battery_pct\":1}\n2 {\"battery_pct\":2}\n" {
			t.Errorf("mosquitto_sub %s: %v %q", version, err, out.String())
		}
		eventually(t, "its subscriptions are gone", func() bool {
			return len(s.b.engine.Topics.Subscribers(d1+"health").Subscriptions) == 0
		})
		pub := run("mosquitto_pub", version, "d1", s.driver("d1"), "-t", "fleet/acme/drivers/d2/health", "-q", "1", "-m", "x")
		if out, err := pub.CombinedOutput(); version == "mqttv311" && err == nil {
			t.Errorf("a forbidden publish: %s", out)
		}
	}
}
