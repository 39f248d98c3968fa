package servers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Mosquitto starts mosquitto as Debian packs it, without persistence, with
// every limit that would make it drop lifted.
func Mosquitto(core string) (*Server, error) {
	s := &Server{Name: "mosquitto", Token: anyPassword}
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
	}
	err = s.mosquitto(core, path)
	if err != nil {
		_ = s.Stop()
		return nil, fmt.Errorf("%w (apt-get install mosquitto)", err)
	}
	return s, nil
}

func (s *Server) mosquitto(core, path string) (err error) {
	if s.Dir, err = s.temporary(); err != nil {
		return err
	}
	if s.MQTT, err = freeAddr(); err != nil {
		return err
	}
	webSocket, err := freeAddr()
	if err != nil {
		return err
	}
	s.WebSocket = "ws://" + webSocket + "/mqtt"
	file := filepath.Join(s.Dir, "mosquitto.conf")
	conf := []string{
		"user root",            // stay who started it, so that the directory is readable
		"set_tcp_nodelay true", // or Nagle's algorithm holds deliveries back, in some runs and not in others
		"allow_anonymous true", "persistence false", "max_queued_messages 0", "max_inflight_messages 0",
		"log_type none", listener(s.MQTT), listener(webSocket), "protocol websockets",
	}
	if err := os.WriteFile(file, []byte(strings.Join(conf, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	if err := s.start(core, os.Environ(), path, "-c", file); err != nil {
		return err
	}
	return s.await(func() error { return reachable(s.MQTT) })
}

func listener(addr string) string {
	return "listener " + port(addr) + " 127.0.0.1"
}

// anyPassword is for servers that take any.
func anyPassword(string, string) (string, error) { return "x", nil }
