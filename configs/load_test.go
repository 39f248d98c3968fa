package configs

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// fields returns the keys that Config has a field for.
func fields(t reflect.Type, prefix string) []string {
	var keys []string
	for f := range t.Fields() {
		name := f.Tag.Get("mapstructure")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, fields(f.Type, prefix+name+".")...)
		} else {
			keys = append(keys, prefix+name)
		}
	}
	return keys
}

func TestEveryFieldHasAKeyAndEveryKeyAField(t *testing.T) {
	keys, err := Keys()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
		if k.Doc == "" {
			t.Errorf("dray.yaml: %s has no comment", k.Name)
		}
	}
	want := fields(reflect.TypeFor[Config](), "")
	slices.Sort(names)
	slices.Sort(want)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("keys of dray.yaml (-Config +dray.yaml):\n%s", diff)
	}
	if err := yaml.Unmarshal(YAML, new(map[string]any)); err != nil {
		t.Errorf("dray.yaml does not parse: %v", err)
	}
}

// Installations rely on these.
func TestDefaults(t *testing.T) {
	c, err := Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key       string
		got, want any
	}{
		{"data.dir", c.Data.Dir, "./dray-data"},
		{"http.addr", c.HTTP.Addr, ":8080"},
		{"http.origins", len(c.HTTP.Origins), 0},
		{"mqtt.addr", c.MQTT.Addr, ":1883"},
		{"mqtt.tls_addr", c.MQTT.TLSAddr, ""},
		{"mqtt.conformance", c.MQTT.Conformance, false},
		{"admin.addr", c.Admin.Addr, "127.0.0.1:9090"},
		{"store.url", c.Store.URL, ""},
		{"stream.sync", c.Stream.Sync, "always"},
		{"auth.audience", c.Auth.Audience, "dray"},
		{"auth.auto_create", c.Auth.AutoCreate, true},
		{"ingest.min_interval", c.Ingest.MinInterval, 5 * time.Second},
		{"limits.connect_timeout", c.Limits.ConnectTimeout, 5 * time.Second},
		{"limits.packet_size", c.Limits.PacketSize, Size(256 << 10)},
		{"limits.subscriptions", c.Limits.Subscriptions, 64},
		{"limits.keep_alive", c.Limits.KeepAlive, 10 * time.Minute},
		{"limits.message_rate", c.Limits.MessageRate, 20},
		{"limits.message_burst", c.Limits.MessageBurst, 200},
		{"limits.slow_close", c.Limits.SlowClose, 10 * time.Second},
		{"map.source", c.Map.Source, "builtin"},
		{"log.level", c.Log.Level, "info"},
	} {
		if tt.got != tt.want {
			t.Errorf("default of %s = %v, want %v", tt.key, tt.got, tt.want)
		}
	}
}

func write(t *testing.T, text string) string {
	file := filepath.Join(t.TempDir(), "dray.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFlagsWinOverVariablesOverFile(t *testing.T) {
	file := write(t, "http: {addr: ':1', origins: [https://a.example]}\nmqtt: {addr: ':1'}\nadmin: {addr: ':1'}\nlimits: {packet_size: 64KiB}\n")
	env := []string{"DRAY_MQTT_ADDR=:2", "DRAY_ADMIN_ADDR=:2", "DRAY_AUTH_AUTO_CREATE=false", "DRAY_LOG_LEVEL=", "DRAY_HTTP_TLS_ACME_DOMAINS=a.example,b.example", "PATH=/bin"}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	if err := AddFlags(flags); err != nil {
		t.Fatal(err)
	}
	if err := flags.Parse([]string{"--admin.addr=:3", "--ingest.min_interval", "1m"}); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, env, flags)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := Load("", nil, nil)
	want.HTTP.Addr, want.HTTP.Origins = ":1", []string{"https://a.example"}
	want.Limits.PacketSize = 64 << 10
	want.MQTT.Addr, want.Auth.AutoCreate = ":2", false
	want.HTTP.TLS.ACMEDomains = []string{"a.example", "b.example"}
	want.Admin.Addr, want.Ingest.MinInterval = ":3", time.Minute
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestEveryVariableAndFlagIsRead(t *testing.T) {
	keys, err := Keys()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		// A value that no key accepts, or else one that shows in the result.
		c, err := Load("", []string{k.Env + "=\x00bad"}, nil)
		if err == nil && cmp.Equal(plain, c) {
			t.Errorf("%s is ignored", k.Env)
		}
	}
}

func TestKubernetesServiceVariablesAreNotSettings(t *testing.T) {
	env := []string{"KUBERNETES_SERVICE_HOST=10.0.0.1", "DRAY_SERVICE_HOST=10.0.0.7", "DRAY_PORT_8080_TCP_ADDR=10.0.0.7", "DRAY_MQTT_PORT=tcp://10.0.0.7:1883"}
	if _, err := Load("", env, nil); err != nil {
		t.Errorf("Load in Kubernetes: %v", err)
	}
	if _, err := Load("", env[1:], nil); err == nil {
		t.Error("outside Kubernetes the same variables were accepted")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		env        []string
		want       string // part of the message
	}{
		{"unknown key", "http: {adr: ':1'}\nmqtt: {tls: {certs: x}}", nil, "http.adr, mqtt.tls.certs"},
		{"unknown section", "https: {addr: ':1'}", nil, "https.addr"},
		{"section as a value", "http: ':1'", nil, "unknown key"},
		{"unknown variable", "", []string{"DRAY_HTP_ADDR=:1"}, "unknown environment variable: DRAY_HTP_ADDR"},
		{"not YAML", "http: [", nil, "is not valid YAML"},
		{"twice", "http: {addr: ':1', addr: ':2'}", nil, "already defined"},
		{"bad duration", "", []string{"DRAY_INGEST_MIN_INTERVAL=5 apples"}, `ingest.min_interval "5 apples" is not a duration such as`},
		{"duration without a unit", "ingest: {min_interval: 5}", nil, `ingest.min_interval "5" is not a duration`},
		{"bad number", "limits: {message_rate: many}", nil, `limits.message_rate "many" is not a whole number`},
		{"bad size", "", []string{"DRAY_STREAM_MAX_BYTES=16 elephants"}, "is not a size"},
		{"bad boolean", "", []string{"DRAY_AUTH_AUTO_CREATE=perhaps"}, `auth.auto_create "perhaps" is neither true nor false`},
		{"sync", "stream: {sync: never}", nil, `stream.sync must be "always" or "1s", not "never"`},
		{"short secret", "auth: {secret: short}", nil, "auth.secret must have at least 32 bytes, it has 5"},
		{"address", "", []string{"DRAY_HTTP_ADDR=8080"}, `http.addr must be host:port or :port, not "8080"`},
		{"no data dir", "data: {dir: ''}", nil, "data.dir must name a directory"},
		{"certificate alone", "", []string{"DRAY_HTTP_TLS_CERT=a.pem"}, "http.tls.cert and http.tls.key belong together"},
		{"certificate and ACME", "", []string{"DRAY_HTTP_TLS_CERT=a.pem", "DRAY_HTTP_TLS_KEY=a.key", "DRAY_HTTP_TLS_ACME_DOMAINS=a.example"}, "exclude one another"},
		{"TLS address alone", "", []string{"DRAY_MQTT_TLS_ADDR=:8883"}, "mqtt.tls_addr needs mqtt.tls.cert"},
		{"MQTT key alone", "", []string{"DRAY_MQTT_TLS_KEY=a.key"}, "belong together"},
		{"client CA alone", "", []string{"DRAY_MQTT_TLS_CLIENT_CA=ca.pem"}, "set it, for example to :8883"},
		{"conformance in public", "", []string{"DRAY_MQTT_CONFORMANCE=true"}, "needs loopback addresses"},
		{"conformance over WebSocket", "", []string{"DRAY_MQTT_CONFORMANCE=true", "DRAY_MQTT_ADDR=127.0.0.1:0"}, "set http.addr"},
		{"database", "store: {url: 'mysql://root:hunter2@db/x'}", nil, "store.url must be a URL that begins with postgres://"},
		{"origin", "http: {origins: ['a.example']}", nil, "http.origins must be origins such as"},
		{"limit", "limits: {receive_maximum: 65536}", nil, "limits.receive_maximum must be between 1 and 65535"},
		{"duration limit", "limits: {keep_alive: 24h}", nil, "limits.keep_alive must be between"},
		{"queue below a packet", "limits: {queue_bytes: 1KiB}", nil, "limits.queue_bytes must be between"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(write(t, tt.file), tt.env, nil)
			switch {
			case err == nil || !strings.Contains(err.Error(), tt.want):
				t.Fatalf("Load error %v, want one with %q", err, tt.want)
			case strings.Contains(err.Error(), "\n"):
				t.Errorf("more than one line: %v", err)
			case strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
	if _, err := Load("/does/not/exist.yaml", nil, nil); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("Load of a missing file: %v", err)
	}
	if _, err := Load("", []string{"DRAY_MQTT_CONFORMANCE=true", "DRAY_MQTT_ADDR=[::1]:0", "DRAY_HTTP_ADDR=localhost:0"}, nil); err != nil {
		t.Errorf("conformance on loopback: %v", err)
	}
}
