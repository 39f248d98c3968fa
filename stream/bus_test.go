package stream

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

type heard struct{ node, text string }

func TestBus(t *testing.T) {
	s := startServer(t)
	one, two := connect(t, s, "n1"), connect(t, s, "n2")
	got := make(chan heard, 10)
	hear := func(node string, data []byte) { got <- heard{node, string(data)} }
	stop, err := two.Listen("live.>", hear)
	if err != nil {
		t.Fatal(err)
	}
	if err := two.nc.Flush(); err != nil { // the server knows of it
		t.Fatal(err)
	}
	for _, m := range []struct {
		from          *Log
		subject, text string
	}{{two, "live.acme", "my own"}, {one, "elsewhere", "not asked for"}, {one, "live.acme", "a"}, {one, "live.beta", ""}} {
		if err := m.from.Send(m.subject, []byte(m.text)); err != nil {
			t.Fatal(err)
		}
		if err := m.from.nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []heard{{"n1", "a"}, {"n1", ""}} {
		if h := await1(t, got); h != want {
			t.Errorf("heard %q, want %q", h, want)
		}
	}
	stop()
	again, err := two.Listen("live.acme", hear)
	if err != nil {
		t.Fatal(err)
	}
	defer again()
	if err := two.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := one.Send("live.acme", []byte("b")); err != nil {
		t.Fatal(err)
	}
	if h := await1(t, got); h.text != "b" || len(got) > 0 {
		t.Errorf("heard %q and %d more, want b once", h, len(got))
	}
}

// Who does not keep up loses messages, and holds up nobody; that is counted.
func TestBusDropsForTheSlow(t *testing.T) {
	s := startServer(t)
	one, two := connect(t, s, "n1"), connect(t, s, "n2")
	entered, leave, last := make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	first := true
	stop, err := two.Listen("x", func(_ string, data []byte) {
		if first {
			first = false
			close(entered)
			<-leave
		}
		if string(data) == "last" {
			select {
			case last <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := two.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	send := func(text string) {
		t.Helper()
		if err := one.Send("x", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	send("first")
	await(t, "the listener has the first", entered)
	big := strings.Repeat("x", 512<<10)
	for range 2 * busBytes / len(big) {
		send(big)
	}
	if err := one.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := two.nc.Flush(); err != nil { // all of them have come
		t.Fatal(err)
	}
	close(leave)
	// Room comes back as the listener goes on.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case <-tick.C:
			send("last")
			continue
		case <-deadline:
			t.Fatal("the listener hears nothing any more")
		case <-last:
		}
		break
	}
	if n := value(t, two.m.busDropped); n < 1 {
		t.Errorf("%v messages were counted as dropped", n)
	}
}

func value(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func await1(t *testing.T, c <-chan heard) heard {
	t.Helper()
	select {
	case h := <-c:
		return h
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was heard")
		return heard{}
	}
}

func TestSendRefusesALongName(t *testing.T) {
	l := connect(t, startServer(t), strings.Repeat("n", 256))
	if err := l.Send("x", nil); err == nil {
		t.Error("a name of 256 bytes was sent")
	}
}
