package main

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// metric returns the sum of a counter's or gauge's series, 0 while there is none.
func (p *process) metric(name string) (sum float64) {
	p.t.Helper()
	resp, err := http.Get("http://" + p.Admin + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if family, _, _ := strings.Cut(series, "{"); family != name {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			p.t.Fatalf("%s: %v", lines.Text(), err)
		}
		sum += v
	}
	return sum
}

// mosquitto starts Eclipse Mosquitto with TLS and returns its address.
func mosquitto(t *testing.T, a *authority) string {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // Debian, where it is not in everybody's PATH
	}
	dir, port := t.TempDir(), freePort(t)
	conf, cert, key := filepath.Join(dir, "mosquitto.conf"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a.write(cert, key)
	text := fmt.Sprintf("listener %d 127.0.0.1\ncertfile %s\nkeyfile %s\nallow_anonymous true\nuser root\nmax_queued_messages 0\n", port, cert, key)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatalf("this test needs Mosquitto: apt-get install -y mosquitto: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// TestForeignBrokerSurvivesKill publishes 10,000 fixes to a Mosquitto that dray
// ingests from, over TLS, and kills dray twice half-way: in the end each of them
// is stored, once.
func TestForeignBrokerSurvivesKill(t *testing.T) {
	const drivers, each, killAfter = 20, 500, 2500
	a := newAuthority(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	broker := mosquitto(t, a)
	dir := t.TempDir()
	env := []string{"DRAY_INGEST_MQTT_URL=mqtts://" + broker, "DRAY_INGEST_MIN_INTERVAL=0s", "SSL_CERT_FILE=" + ca}
	p := start(t, dir, env...)
	connected := func() bool { return strings.Contains(p.out.String(), "mqtt connected") }
	p.until(30*time.Second, "connected to the foreign broker", connected)

	// From here on Mosquitto keeps what dray has not acknowledged.
	phones := paho.NewClient(paho.NewClientOptions().AddBroker("mqtts://" + broker).SetClientID("phones").
		SetTLSConfig(&tls.Config{RootCAs: a.pool()}))
	if token := phones.Connect(); !token.WaitTimeout(20*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer phones.Disconnect(100)
	base := time.Now().UTC().Truncate(time.Second).Add(-2 * time.Hour)
	published := make(chan error, 1)
	go func() {
		for i := range each {
			for d := range drivers {
				topic := fmt.Sprintf("fleet/acme/drivers/d%02d/location", d)
				fix := fmt.Sprintf(`{"fix_at":%d,"lat":59.3,"lon":18.1}`, base.Add(time.Duration(i)*time.Second).UnixMilli())
				if token := phones.Publish(topic, 1, false, fix); !token.WaitTimeout(20*time.Second) || token.Error() != nil {
					published <- fmt.Errorf("publish: %v", token.Error())
					return
				}
			}
		}
		published <- nil
	}()
	began := time.Now()
	for range 2 {
		p.until(time.Minute, "half-way", func() bool { return p.metric("dray_ingest_positions_stored_total") >= killAfter })
		p.kill()
		p = start(t, dir, env...)
	}
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	admin := p.token("admin", "root")
	query := "/track?max_points=10000&from=" + url.QueryEscape(base.Add(-time.Minute).Format(time.RFC3339)) +
		"&to=" + url.QueryEscape(base.Add(time.Hour).Format(time.RFC3339))
	for d := range drivers {
		var track struct {
			Points []struct {
				FixAt time.Time `json:"fix_at"`
			}
		}
		p.until(time.Minute, fmt.Sprintf("complete of driver %d", d), func() bool {
			return p.get(fmt.Sprintf("/drivers/d%02d", d)+query, admin, &track) == http.StatusOK && len(track.Points) >= each
		})
		for i, point := range track.Points {
			if want := base.Add(time.Duration(i) * time.Second); !point.FixAt.Equal(want) || len(track.Points) != each {
				t.Fatalf("driver %d has %d points, the one at %d of %s, want %d and %s", d, len(track.Points), i, point.FixAt, each, want)
			}
		}
	}
	t.Logf("%d messages stored once in %v", drivers*each, time.Since(began))
	if err := p.stop(); err != nil {
		t.Errorf("the server ended with %v:\n%s", err, p.out.String())
	}
}
