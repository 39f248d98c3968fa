// Package configs holds the configuration of the program: its shape, its
// defaults and its loading, which refuses what it does not know.
//
// dray.yaml is both the reference that users read and where the defaults come
// from, so the two cannot differ.
package configs

import (
	_ "embed"
	"time"
)

// YAML is dray.yaml: every key with its default and a comment.
//
//go:embed dray.yaml
var YAML []byte

// Config is the configuration of the whole program; dray.yaml says what each
// key means. What Load returns has been validated.
type Config struct {
	Data     Data
	HTTP     HTTP
	MQTT     MQTT
	Admin    Admin
	Store    Store
	Stream   Stream
	Auth     Auth
	Ingest   Ingest
	Webhooks Webhooks
	Alerts   Alerts
	Limits   Limits
	Map      Map
	Log      Log
}

// Data is where the embedded parts keep their files.
type Data struct{ Dir string }

// HTTP is the port of the web, REST and MQTT over WebSocket.
type HTTP struct {
	Addr    string
	Origins []string
	TLS     struct {
		Cert, Key     string
		ACMEDomains   []string `mapstructure:"acme_domains"`
		ACMEDirectory string   `mapstructure:"acme_directory"`
	}
}

// MQTT is the ports of the broker.
type MQTT struct {
	Addr    string
	TLSAddr string `mapstructure:"tls_addr"`
	TLS     struct {
		Cert, Key string
		ClientCA  string `mapstructure:"client_ca"`
	}
	Conformance bool
}

// Admin is the port of metrics, health and profiles.
type Admin struct{ Addr string }

// Store is the database. MaxBytes 0 is what its disk has.
type Store struct {
	URL      string
	MaxBytes Size `mapstructure:"max_bytes"`
}

// Stream is the durable log. Sync is "always" or "1s"; MaxBytes 0 follows the
// free disk.
type Stream struct {
	URL      string
	Sync     string
	MaxBytes Size `mapstructure:"max_bytes"`
}

// Auth is who may sign tokens, and what is checked of them.
type Auth struct {
	Secret     string
	KeysFile   string `mapstructure:"keys_file"`
	JWKSURL    string `mapstructure:"jwks_url"`
	Issuer     string
	Audience   string
	AutoCreate bool `mapstructure:"auto_create"`
	Claims     struct{ Subject, Fleet, Role, Driver string }
}

// Ingest is what of the stream enters history, and from where else.
type Ingest struct {
	MinInterval time.Duration `mapstructure:"min_interval"`
	MQTT        struct {
		URL      string
		ClientID string `mapstructure:"client_id"`
		Topics   []string
		Fleet    string
	}
}

// Webhooks is where events may be delivered.
type Webhooks struct {
	AllowPrivate bool `mapstructure:"allow_private"`
}

// Alerts is when an alert opens by itself.
type Alerts struct {
	SilentAfter         time.Duration `mapstructure:"silent_after"`
	UnacknowledgedAfter time.Duration `mapstructure:"unacknowledged_after"`
	Battery             int
}

// Limits bounds what one connection, and all of them, may take.
type Limits struct {
	Connections               int
	Unauthenticated           int
	UnauthenticatedPerAddress int           `mapstructure:"unauthenticated_per_address"`
	ConnectsPerSecond         int           `mapstructure:"connects_per_second"`
	ConnectTimeout            time.Duration `mapstructure:"connect_timeout"`
	PacketSize                Size          `mapstructure:"packet_size"`
	ReceiveMaximum            int           `mapstructure:"receive_maximum"`
	Subscriptions             int
	KeepAlive                 time.Duration `mapstructure:"keep_alive"`
	SessionExpiry             time.Duration `mapstructure:"session_expiry"`
	MessageRate               int           `mapstructure:"message_rate"`
	MessageBurst              int           `mapstructure:"message_burst"`
	SlowClose                 time.Duration `mapstructure:"slow_close"`
	QueueBytes                Size          `mapstructure:"queue_bytes"`
	QueueBytesTotal           Size          `mapstructure:"queue_bytes_total"`
	SessionBytes              Size          `mapstructure:"session_bytes"`
	SessionBytesTotal         Size          `mapstructure:"session_bytes_total"`
}

// Map is the dashboard's base map.
type Map struct{ Source string }

// Log is how much is logged, and in which form.
type Log struct{ Level, Format string }
