package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/dray-fleet/dray/configs"
)

// certificates are a certificate, its key and the authorities of client
// certificates, read again when the files change.
type certificates struct {
	certFile, keyFile string
	clientCA          string // empty: no client is asked for a certificate
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Config
	looked  time.Time
	stamp   [3]time.Time // modification times of what is current
}

// lookEvery is how often the files are looked at, by handshakes.
const lookEvery = time.Second

func newCertificates(certFile, keyFile, clientCA string, log *slog.Logger) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile, clientCA: clientCA, log: log}
	return c, c.load()
}

// load reads the files if they are not those that were read last.
func (c *certificates) load() error {
	c.looked = time.Now()
	stamp, err := c.stamps()
	if err != nil || c.current != nil && stamp == c.stamp {
		return err
	}
	cert, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if c.clientCA != "" {
		pem, err := os.ReadFile(c.clientCA)
		if err != nil {
			return err
		}
		conf.ClientAuth, conf.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
		if !conf.ClientCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificate", c.clientCA)
		}
	}
	c.current, c.stamp = conf, stamp
	return nil
}

func (c *certificates) stamps() (s [3]time.Time, err error) {
	for i, name := range []string{c.certFile, c.keyFile, c.clientCA} {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		s[i] = info.ModTime()
	}
	return s, nil
}

// get returns what the files say. Files that are being replaced, and do not fit
// each other for a moment, leave what they said before in force.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > lookEvery {
		if err := c.load(); err != nil {
			c.log.Warn("certificates not read again, the old ones stay", "error", err)
		}
	}
	return c.current, nil
}

func (c *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: c.get}
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
