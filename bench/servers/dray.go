package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

// Fleet is the fleet of all tokens.
const Fleet = "bench"

// secret signs the tokens; the server lives for seconds and on loopback.
const secret = "benchmarks have no secrets, and 32 bytes"

// Tokens returns a function that mints tokens of Fleet.
func Tokens(ttl time.Duration) (func(role, subject string) (string, error), error) {
	m, err := auth.NewMinter([]byte(secret), "", "")
	if err != nil {
		return nil, err
	}
	return func(role, subject string) (string, error) {
		return m.Mint(&auth.Claims{Fleet: Fleet, Role: fleet.Role(role), Subject: subject, ExpiresAt: time.Now().Add(ttl)})
	}, nil
}

// Dray starts `dray serve` with the limits of one client lifted: the load comes
// from few connections and one address. With dir it runs in that data
// directory, which Stop leaves. env adds settings.
func Dray(binary, core, dir string, env ...string) (*Server, error) {
	s := &Server{Name: "dray", Dir: dir}
	var err error
	if s.Token, err = Tokens(time.Hour); err != nil {
		return nil, err
	}
	if dir == "" {
		if s.Dir, err = s.temporary(); err != nil {
			return nil, err
		}
	}
	vars := append(environ(),
		"DRAY_DATA_DIR="+s.Dir, "DRAY_AUTH_SECRET="+secret, "DRAY_LOG_LEVEL=warn",
		"DRAY_MQTT_ADDR=127.0.0.1:0", "DRAY_HTTP_ADDR=127.0.0.1:0", "DRAY_ADMIN_ADDR=127.0.0.1:0",
		"DRAY_LIMITS_MESSAGE_RATE=1000000", "DRAY_LIMITS_MESSAGE_BURST=1000000",
		"DRAY_LIMITS_UNAUTHENTICATED_PER_ADDRESS=4096", // one address is the whole fleet here
	)
	path := filepath.Join(s.Dir, "addresses.json")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	err = s.start(core, append(vars, env...), binary, "serve")
	if err == nil {
		err = s.await(func() error { return s.addresses(path) })
	}
	if err != nil {
		_ = s.Stop()
		return nil, err
	}
	s.WebSocket = "ws://" + s.HTTP + "/mqtt"
	return s, nil
}

// addresses reads where dray listens, and asks whether it is ready.
func (s *Server) addresses(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, s); err != nil {
		return err
	}
	_, err = s.get("/readyz")
	return err
}

// environ is the environment without settings of dray.
func environ() []string {
	var vars []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DRAY_") {
			vars = append(vars, v)
		}
	}
	return vars
}

// get asks the admin port.
func (s *Server) get(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, body)
	}
	return body, err
}

// Collect runs the garbage collector of a server written in Go.
func (s *Server) Collect() error {
	_, err := s.get("/debug/pprof/heap?gc=1")
	return err
}

// Profile writes a CPU profile of the next seconds to a file.
func (s *Server) Profile(path string, d time.Duration) error {
	b, err := s.get(fmt.Sprintf("/debug/pprof/profile?seconds=%d", int(d.Seconds())))
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// Metrics returns every metric by name, summed over its labels.
func (s *Server) Metrics() (map[string]float64, error) {
	b, err := s.get("/metrics")
	if err != nil {
		return nil, err
	}
	sums := map[string]float64{}
	for line := range strings.Lines(string(b)) {
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if line[0] == '#' || err != nil {
			continue
		}
		name, _, _ := strings.Cut(line[:at], "{")
		sums[name] += value
	}
	return sums, nil
}
