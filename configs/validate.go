package configs

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// validate reports the first key that cannot be right, and what to do.
func (c *Config) validate() error {
	for _, check := range []func() error{c.addresses, c.tls, c.urls, c.words, c.limits} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) addresses() error {
	if c.Data.Dir == "" {
		return fmt.Errorf("data.dir must name a directory")
	}
	for _, a := range []struct{ key, addr string }{
		{"http.addr", c.HTTP.Addr}, {"mqtt.addr", c.MQTT.Addr}, {"mqtt.tls_addr", c.MQTT.TLSAddr}, {"admin.addr", c.Admin.Addr},
	} {
		if a.addr == "" && a.key == "mqtt.tls_addr" {
			continue
		}
		if _, port, err := net.SplitHostPort(a.addr); err != nil || port == "" {
			return fmt.Errorf("%s must be host:port or :port, not %q", a.key, a.addr)
		}
		// MQTT is spoken on http.addr too, at /mqtt.
		if c.MQTT.Conformance && a.key != "admin.addr" && !loopback(a.addr) {
			return fmt.Errorf("mqtt.conformance lets anyone in, so it needs loopback addresses: set %s to one such as 127.0.0.1:0, not %q", a.key, a.addr)
		}
	}
	return nil
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

func (c *Config) tls() error {
	h, m := c.HTTP.TLS, c.MQTT.TLS
	switch {
	case (h.Cert == "") != (h.Key == ""):
		return fmt.Errorf("http.tls.cert and http.tls.key belong together: set both or neither")
	case h.Cert != "" && len(h.ACMEDomains) > 0:
		return fmt.Errorf("http.tls.cert and http.tls.acme_domains exclude one another: set one of them")
	case (m.Cert == "") != (m.Key == ""):
		return fmt.Errorf("mqtt.tls.cert and mqtt.tls.key belong together: set both or neither")
	case c.MQTT.TLSAddr != "" && m.Cert == "":
		return fmt.Errorf("mqtt.tls_addr needs mqtt.tls.cert and mqtt.tls.key")
	case c.MQTT.TLSAddr == "" && (m.Cert != "" || m.ClientCA != ""):
		return fmt.Errorf("mqtt.tls.cert and mqtt.tls.client_ca are for mqtt.tls_addr: set it, for example to :8883")
	}
	return nil
}

// urls never repeats a URL in its error: it may hold a password.
func (c *Config) urls() error {
	for _, u := range []struct {
		key, value string
		schemes    []string
	}{
		{"store.url", c.Store.URL, []string{"postgres", "postgresql"}},
		{"stream.url", c.Stream.URL, []string{"nats", "tls"}},
		{"auth.jwks_url", c.Auth.JWKSURL, []string{"https", "http"}},
		{"ingest.mqtt.url", c.Ingest.MQTT.URL, []string{"mqtt", "mqtts", "tcp", "ssl", "ws", "wss"}},
	} {
		if u.value == "" {
			continue
		}
		parsed, err := url.Parse(u.value)
		if err != nil || !slices.Contains(u.schemes, parsed.Scheme) {
			return fmt.Errorf("%s must be a URL that begins with %s://", u.key, strings.Join(u.schemes, ":// or "))
		}
	}
	for _, o := range c.HTTP.Origins {
		u, err := url.Parse(o)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Path != "" {
			return fmt.Errorf("http.origins must be origins such as https://dispatch.example.com, not %q", o)
		}
	}
	return nil
}

func (c *Config) words() error {
	for _, w := range []struct {
		key, value string
		allowed    []string
	}{
		{"stream.sync", c.Stream.Sync, []string{"always", "1s"}},
		{"log.level", c.Log.Level, []string{"debug", "info", "warn", "error"}},
		{"log.format", c.Log.Format, []string{"auto", "text", "json"}},
	} {
		if !slices.Contains(w.allowed, w.value) {
			return fmt.Errorf(`%s must be "%s", not %q`, w.key, strings.Join(w.allowed, `" or "`), w.value)
		}
	}
	switch {
	case c.Auth.Secret != "" && len(c.Auth.Secret) < 32:
		return fmt.Errorf("auth.secret must have at least 32 bytes, it has %d: `openssl rand -base64 48` makes one", len(c.Auth.Secret))
	case c.Auth.Audience == "":
		return fmt.Errorf("auth.audience must not be empty")
	case c.Map.Source == "":
		return fmt.Errorf(`map.source must be "builtin" or the URL of a style or a PMTiles archive`)
	case c.Ingest.MinInterval < 0 || c.Ingest.MinInterval > time.Hour:
		return fmt.Errorf("ingest.min_interval must be between 0s and 1h, not %s", c.Ingest.MinInterval)
	}
	return nil
}

func (c *Config) limits() error {
	l := c.Limits
	for _, n := range []struct {
		key             string
		value, min, max int64
	}{
		{"connections", int64(l.Connections), 1, 10_000_000},
		{"unauthenticated", int64(l.Unauthenticated), 1, 1_000_000},
		{"unauthenticated_per_address", int64(l.UnauthenticatedPerAddress), 1, 1_000_000},
		{"connects_per_second", int64(l.ConnectsPerSecond), 1, 1_000_000},
		{"packet_size", int64(l.PacketSize), 1 << 10, 512 << 10}, // a stream record holds less than 1 MiB
		{"receive_maximum", int64(l.ReceiveMaximum), 1, 65535},
		{"subscriptions", int64(l.Subscriptions), 1, 10_000},
		{"message_rate", int64(l.MessageRate), 1, 1_000_000_000},
		{"message_burst", int64(l.MessageBurst), 1, 1_000_000_000},
		{"queue_bytes", int64(l.QueueBytes), int64(l.PacketSize), 1 << 40},
		{"queue_bytes_total", int64(l.QueueBytesTotal), int64(l.QueueBytes), 1 << 40},
		{"session_bytes", int64(l.SessionBytes), int64(l.PacketSize), 1 << 40},
		{"session_bytes_total", int64(l.SessionBytesTotal), int64(l.SessionBytes), 1 << 40},
	} {
		if n.value < n.min || n.value > n.max {
			return fmt.Errorf("limits.%s must be between %d and %d, not %d", n.key, n.min, n.max, n.value)
		}
	}
	if b := c.Alerts.Battery; b < 1 || b > 95 {
		return fmt.Errorf("alerts.battery must be between 1 and 95, not %d", b)
	}
	for key, d := range map[string]time.Duration{"silent_after": c.Alerts.SilentAfter, "unacknowledged_after": c.Alerts.UnacknowledgedAfter} {
		if d < time.Second || d > 24*time.Hour {
			return fmt.Errorf("alerts.%s must be between 1s and 24h, not %s", key, d)
		}
	}
	for _, d := range []struct {
		key             string
		value, min, max time.Duration
	}{
		{"connect_timeout", l.ConnectTimeout, 100 * time.Millisecond, time.Minute},
		{"keep_alive", l.KeepAlive, time.Second, 65535 * time.Second}, // what the field of CONNACK holds
		{"session_expiry", l.SessionExpiry, 0, 30 * 24 * time.Hour},
		{"slow_close", l.SlowClose, time.Second, 10 * time.Minute},
	} {
		if d.value < d.min || d.value > d.max {
			return fmt.Errorf("limits.%s must be between %s and %s, not %s", d.key, d.min, d.max, d.value)
		}
	}
	return nil
}
