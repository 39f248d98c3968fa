package load

import (
	"bufio"
	"bytes"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/codec"
)

func TestTemplateIsAValidFixOf172Bytes(t *testing.T) {
	tmpl := newTemplate("fleet/bench/drivers/bench-000001/location")
	b := tmpl.appendTo(nil, 513, 1777615200999, firstSeq+41)
	var buf []byte
	kind, body, err := readPacket(bufio.NewReader(bytes.NewReader(b)), &buf)
	if err != nil || kind != publish {
		t.Fatalf("packet of type %d, %v", kind, err)
	}
	_, rest, _ := strings.Cut(string(body), "/location")
	if id, payload := rest[:2], rest[2:]; id != "\x02\x01" || len(payload) != 172 {
		t.Errorf("packet id % x and a payload of %d bytes", id, len(payload))
	} else if fixes, err := codec.Location([]byte(payload), "bench-000001"); err != nil || fixes[0].Seq != firstSeq+41 || fixes[0].FixAt.UnixMilli() != 1777615200999 {
		t.Errorf("fix %+v, %v", fixes, err)
	}
}

func startMosquitto(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0") // mosquitto cannot choose a port itself
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
	}
	cmd := exec.Command(path, "-p", strconv.Itoa(port))
	if err := cmd.Start(); err != nil {
		t.Fatalf("mosquitto: %v (apt-get install mosquitto)", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for deadline := time.Now().Add(10 * time.Second); ; {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return addr
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestRunAgainstMosquitto(t *testing.T) {
	addr := startMosquitto(t)
	for _, opts := range []Options{
		{Drivers: 10, Inflight: 4, Dispatchers: 2, Duration: 300 * time.Millisecond},
		{Drivers: 10, Rate: 1000, Dispatchers: 2, Duration: 500 * time.Millisecond},
	} {
		opts.Addr = addr
		r, err := Run(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if r.Acked < 100 || r.Delivered != r.Expected || r.Ack.P50 == 0 || r.Delivery.P99 < r.Delivery.P50 || r.Delivery.Max > time.Second {
			t.Errorf("%+v: %+v", opts, r)
		}
		if opts.Rate > 0 && (r.Acked < 400 || r.Acked > 600) {
			t.Errorf("at %d/s for %s: %d acknowledged", opts.Rate, opts.Duration, r.Acked)
		}
	}
}

func TestRunReportsRefusal(t *testing.T) {
	addr := startMosquitto(t)
	if _, err := Run(t.Context(), Options{Addr: addr, Fleet: "a/#"}); err == nil {
		t.Error("a filter that is not valid was taken")
	}
}

func TestFilterIsCountedAndNotAwaited(t *testing.T) {
	r, err := Run(t.Context(), Options{
		Addr: startMosquitto(t), Drivers: 2, Inflight: 1, Filter: "fleet/bench/drivers/bench-000001/location", Stalled: 1,
		Duration: 200 * time.Millisecond, Grace: time.Minute,
	})
	if err != nil || r.Delivered == 0 || r.Delivered > r.Acked || r.Expected != 0 || r.Bytes < 172*r.Delivered {
		t.Errorf("%+v, error %v", r, err)
	}
}

func TestMeasureSpansTheLoad(t *testing.T) {
	var began, ended time.Time
	r, err := Run(t.Context(), Options{
		Addr: startMosquitto(t), Drivers: 1, Inflight: 1, Duration: 100 * time.Millisecond,
		Measure: func() func() { began = time.Now(); return func() { ended = time.Now() } },
	})
	if took := ended.Sub(began); err != nil || took < 100*time.Millisecond || took < r.Elapsed {
		t.Errorf("measured %s of %s, error %v", took, r.Elapsed, err)
	}
}

func TestGather(t *testing.T) {
	crowd, err := Gather(t.Context(), Options{Addr: startMosquitto(t)}, 600)
	if err != nil {
		t.Fatal(err)
	}
	defer crowd.Close()
	if len(crowd.clients) != 600 || crowd.Connect.P50 == 0 || crowd.Connect.Max > crowd.Elapsed {
		t.Errorf("%d clients, %+v in %s", len(crowd.clients), crowd.Connect, crowd.Elapsed)
	}
}

func TestGatherReportsRefusal(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if _, err := Gather(t.Context(), Options{Addr: ln.Addr().String()}, 3); err == nil {
		t.Error("nobody was let in, and no error says so")
	}
}
