package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	paho5 "github.com/eclipse/paho.golang/paho"
	paho3 "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/broker/packet"
)

// certificate returns a self-signed certificate for 127.0.0.1, which may be a
// client's too.
func certificate(t *testing.T, uri string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if uri != "" {
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = []*url.URL{u}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}, pool
}

func TestTLS(t *testing.T) {
	cert, pool := certificate(t, "")
	device, devices := certificate(t, "dray:acme/box")
	s := start(t, func(o *Options) {
		o.TLSAddr = "127.0.0.1:0"
		o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: devices}
		o.Limits.ConnectTimeout = time.Second
	})
	dial := func(config *tls.Config) *wire {
		t.Helper()
		config.RootCAs = pool
		nc, err := tls.Dial("tcp", s.b.TLSAddr().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nc.Close() })
		return newWire(t, nc, packet.V5)
	}
	w := dial(&tls.Config{})
	w.connect(hello{id: "d1", password: s.driver("d1"), keepAlive: 60})
	w.publish(d1+"location", fix(1), 1, 1)
	w.acked(packet.TypePuback, 1, 0)
	dial(&tls.Config{Certificates: []tls.Certificate{device}}).connect(hello{id: "d2", password: s.driver("d2")})
	// Whoever does not finish the handshake is cut off in the common time.
	silent := newWire(t, dialTCP(t, s.b.TLSAddr().String()), packet.V5)
	silent.closed()
	w.silent()
}

func TestPahoMQTT311(t *testing.T) {
	s := start(t)
	connect := func(id, token string) paho3.Client {
		t.Helper()
		opts := paho3.NewClientOptions().AddBroker("tcp://"+s.addr).SetClientID(id).SetUsername(id).SetPassword(token).
			SetCleanSession(false).SetProtocolVersion(4).SetConnectTimeout(patience).SetWill(d1+"duty", `{"state":"off"}`, 1, false)
		if id != "d1" {
			opts.UnsetWill()
		}
		c := paho3.NewClient(opts)
		done(t, c.Connect())
		return c
	}
	got := make(chan paho3.Message, 100)
	watch := func(_ paho3.Client, m paho3.Message) { got <- m }
	x := connect("x1", s.dispatcher("x1"))
	defer x.Disconnect(0)
	done(t, x.SubscribeMultiple(map[string]byte{d1 + "health": 2, d1 + "location": 1, d1 + "duty": 1}, watch))
	d := connect("d1", s.driver("d1"))
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
	if err := s.b.Disconnect("acme", "d1"); err != nil {
		t.Fatal(err)
	}
	if m := next(t, got); m.Topic() != d1+"duty" {
		t.Errorf("will on %s", m.Topic())
	}
	d.Disconnect(0)
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
	s := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make(chan *paho5.Publish, 100)
	gone := make(chan *paho5.Disconnect, 1)
	connect := func(id, token string, expiry uint32, clean bool) (*paho5.Client, *paho5.Connack) {
		t.Helper()
		c := paho5.NewClient(paho5.ClientConfig{
			Conn:               dialTCP(t, s.addr),
			OnServerDisconnect: func(d *paho5.Disconnect) { gone <- d },
			OnPublishReceived: []func(paho5.PublishReceived) (bool, error){func(p paho5.PublishReceived) (bool, error) {
				got <- p.Packet
				return true, nil
			}},
		})
		ack, err := c.Connect(ctx, &paho5.Connect{
			ClientID: id, Username: id, UsernameFlag: true, Password: []byte(token), PasswordFlag: true, KeepAlive: 30, CleanStart: clean,
			Properties: &paho5.ConnectProperties{SessionExpiryInterval: &expiry},
		})
		if err != nil {
			t.Fatalf("paho: %v", err)
		}
		return c, ack
	}
	x, _ := connect("x1", s.dispatcher("x1"), 3600, true)
	if _, err := x.Subscribe(ctx, &paho5.Subscribe{Subscriptions: []paho5.SubscribeOptions{{Topic: d1 + "health", QoS: 2}, {Topic: "fleet/acme/alerts/+", QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
	d, _ := connect("d1", s.driver("d1"), 0, true)
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
	// Resume, with what came meanwhile.
	if err := x.Disconnect(&paho5.Disconnect{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is gone", func() bool { return s.b.sessions.connected("acme/x1") == nil })
	s.b.Publish("fleet/acme/alerts/speed", []byte("meanwhile"), false, 1)
	x, ack := connect("x1", s.dispatcher("x1"), 3600, false)
	if !ack.SessionPresent {
		t.Error("no session present")
	}
	if m := next(t, got); string(m.Payload) != "meanwhile" {
		t.Errorf("got %v", m)
	}
	if err := s.b.Disconnect("acme", "d1"); err != nil {
		t.Fatal(err)
	}
	if d := next(t, gone); d.ReasonCode != packet.CodeAdministrative {
		t.Errorf("DISCONNECT %v", d)
	}
	_ = x.Disconnect(&paho5.Disconnect{})
}

func TestMosquittoClients(t *testing.T) {
	s := start(t)
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	run := func(name, version, id, token string, args ...string) *exec.Cmd {
		args = append([]string{"-h", host, "-p", port, "-V", version, "-i", id, "-u", id, "-P", token}, args...)
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
