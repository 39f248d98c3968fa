package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/dray-fleet/dray/configs"
)

// certificates are a certificate and its key, read again when the files change.
type certificates struct {
	certFile, keyFile string
	clients           *x509.CertPool // authorities of client certificates; nil asks for none

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time
	stamp   [2]time.Time // modification times of what is current
}

// lookEvery is how often the files are looked at, by handshakes.
const lookEvery = time.Second

func newCertificates(certFile, keyFile, clientCA string) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile}
	if clientCA != "" {
		pem, err := os.ReadFile(clientCA)
		if err != nil {
			return nil, err
		}
		c.clients = x509.NewCertPool()
		if !c.clients.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", clientCA)
		}
	}
	return c, c.load()
}

func (c *certificates) load() error {
	stamp, err := c.stamps()
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.current, c.stamp, c.looked = &cert, stamp, time.Now()
	return nil
}

func (c *certificates) stamps() (s [2]time.Time, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		s[i] = info.ModTime()
	}
	return s, nil
}

// get returns the newest certificate. Files that are being replaced, and do not
// fit each other for a moment, leave the former one in force.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > lookEvery {
		c.looked = time.Now()
		if stamp, err := c.stamps(); err == nil && stamp != c.stamp {
			_ = c.load() // tried again at the next look
		}
	}
	if c.current == nil {
		return nil, errors.New("no certificate")
	}
	return c.current, nil
}

func (c *certificates) config() *tls.Config {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	if c.clients != nil {
		conf.ClientCAs = c.clients
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return conf
}

// acmeConfig gets certificates from Let's Encrypt, or another authority, by the
// TLS-ALPN challenge (RFC 8737) on the same port.
func acmeConfig(c *configs.Config) *tls.Config {
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(filepath.Join(c.Data.Dir, "acme")),
		HostPolicy: autocert.HostWhitelist(c.HTTP.TLS.ACMEDomains...),
	}
	if c.HTTP.TLS.ACMEDirectory != "" {
		m.Client = &acme.Client{DirectoryURL: c.HTTP.TLS.ACMEDirectory}
	}
	conf := m.TLSConfig()
	conf.MinVersion = tls.VersionTLS12
	conf.NextProtos = []string{"http/1.1", "acme-tls/1"} // WebSocket needs HTTP/1.1
	return conf
}
