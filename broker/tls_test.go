package broker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

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
