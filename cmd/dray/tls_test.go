package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/net/dns/dnsmessage"
)

// An authority issues certificates for a test.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	next int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key, next: 1}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

// write issues a certificate for 127.0.0.1 into the two files, and returns its
// serial number.
func (a *authority) write(certFile, keyFile string) int64 {
	a.t.Helper()
	a.next++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(a.next), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return a.next
}

// client issues a certificate to a client.
func (a *authority) client() tls.Certificate {
	a.t.Helper()
	dir := a.t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a.write(certFile, keyFile)
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// writeCA leaves the authority's own certificate in a file.
func (a *authority) writeCA(name string) {
	a.t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Both ports speak TLS with certificates from files, and take a new one without
// a restart.
func TestTLSFromFilesIsReloaded(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca := newAuthority(t)
	first := ca.write(certFile, keyFile)
	p := start(t, filepath.Join(dir, "data"), "DRAY_MQTT_TLS_ADDR=127.0.0.1:0",
		"DRAY_HTTP_TLS_CERT="+certFile, "DRAY_HTTP_TLS_KEY="+keyFile, "DRAY_MQTT_TLS_CERT="+certFile, "DRAY_MQTT_TLS_KEY="+keyFile)
	serial := func(addr string) int64 {
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.pool()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	for _, addr := range []string{p.HTTP, p.MQTTTLS} {
		if got := serial(addr); got != first {
			t.Errorf("%s has certificate %d, want %d", addr, got, first)
		}
	}
	for _, url := range []string{"ssl://" + p.MQTTTLS, "wss://" + p.HTTP + "/mqtt"} {
		opts := paho.NewClientOptions().AddBroker(url).SetClientID("d1").SetUsername("d1").
			SetPassword(p.token("driver", "d1")).SetTLSConfig(&tls.Config{RootCAs: ca.pool()}).SetConnectRetry(false)
		c := paho.NewClient(opts)
		if token := c.Connect(); !token.WaitTimeout(20*time.Second) || token.Error() != nil {
			t.Fatalf("%s: %v", url, token.Error())
		}
		token := c.Publish("fleet/acme/drivers/d1/location", 1, false, fmt.Sprintf(`{"fix_at":%d,"lat":1,"lon":2}`, time.Now().UnixMilli()))
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Errorf("%s: publish: %v", url, token.Error())
		}
		c.Disconnect(0)
	}
	second := ca.write(certFile, keyFile)
	for _, addr := range []string{p.HTTP, p.MQTTTLS} {
		p.until(20*time.Second, "serving the new certificate", func() bool { return serial(addr) == second })
	}
}

// The authority of client certificates is replaced without a restart; a file that
// is broken for a while changes nothing.
func TestClientAuthorityIsReloaded(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, caFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "clients.pem")
	server, former, next := newAuthority(t), newAuthority(t), newAuthority(t)
	server.write(certFile, keyFile)
	former.writeCA(caFile)
	p := start(t, filepath.Join(dir, "data"), "DRAY_MQTT_TLS_ADDR=127.0.0.1:0", "DRAY_MQTT_TLS_CERT="+certFile,
		"DRAY_MQTT_TLS_KEY="+keyFile, "DRAY_MQTT_TLS_CLIENT_CA="+caFile)
	accepted := func(cert tls.Certificate) bool {
		c, err := tls.Dial("tcp", p.MQTTTLS, &tls.Config{RootCAs: server.pool(), MaxVersion: tls.VersionTLS12, // which tells the client at once
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }})
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}
	old, new := former.client(), next.client()
	if !accepted(old) || accepted(new) {
		t.Fatal("not the configured authority's clients are accepted")
	}
	if err := os.WriteFile(caFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.until(20*time.Second, "telling of the broken file", func() bool {
		if !accepted(old) {
			t.Fatal("a broken file has shut out the clients")
		}
		return strings.Contains(p.out.String(), "clients.pem holds no certificate")
	})
	next.writeCA(caFile)
	p.until(20*time.Second, "accepting the next authority's clients", func() bool { return accepted(new) })
	if accepted(old) {
		t.Error("the former authority's clients are still accepted")
	}
}

// Certificates come from an ACME authority: pebble, the one that Let's Encrypt
// tests with.
func TestACME(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t)
	certFile, keyFile, caFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")
	ca.write(certFile, keyFile)
	ca.writeCA(caFile)
	acmePort, adminPort := freePort(t), freePort(t)
	p := start(t, filepath.Join(dir, "data"), "DRAY_HTTP_TLS_ACME_DOMAINS=fleet.example.test",
		"DRAY_HTTP_TLS_ACME_DIRECTORY="+fmt.Sprintf("https://127.0.0.1:%d/dir", acmePort), "SSL_CERT_FILE="+caFile)
	_, httpPort, err := net.SplitHostPort(p.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	tlsPort, err := strconv.Atoi(httpPort)
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", acmePort), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", adminPort),
		"certificate": certFile, "privateKey": keyFile, "httpPort": freePort(t), "tlsPort": tlsPort,
		"retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	configFile := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "pebble")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble").CombinedOutput(); err != nil {
		t.Fatalf("build pebble: %v\n%s", err, out)
	}
	pebble := exec.CommandContext(t.Context(), program, "-config", configFile, "-dnsserver", answerLoopback(t))
	pebble.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	var log lockedBuffer
	pebble.Stdout, pebble.Stderr = &log, &log
	if err := pebble.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = pebble.Process.Kill()
		_ = pebble.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})

	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool()}}}
	roots := x509.NewCertPool()
	p.until(time.Minute, "reaching pebble", func() bool {
		resp, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/roots/0", adminPort))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return err == nil && roots.AppendCertsFromPEM(b)
	})
	p.until(time.Minute, "certified", func() bool {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", p.HTTP, &tls.Config{RootCAs: roots, ServerName: "fleet.example.test"})
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	if _, err := tls.Dial("tcp", p.HTTP, &tls.Config{RootCAs: roots, ServerName: "other.example.test"}); err == nil {
		t.Error("a name that is not configured got a certificate")
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// answerLoopback is a name server that knows one answer: 127.0.0.1. It speaks
// DNS over TCP (RFC 7766), as pebble asks.
func answerLoopback(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { ln.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				for answerOne(c) == nil {
				}
			})
		}
	})
	return ln.Addr().String()
}

// answerOne answers one question: a length of two bytes and a message, each way.
func answerOne(c net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, buf); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(buf); err != nil {
		return err
	}
	m.Header.Response, m.Header.RecursionAvailable = true, true
	m.Additionals = nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	b, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}
