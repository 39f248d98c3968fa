package stream

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"
)

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fleet.Publication {
			text := rapid.OneOf(rapid.SampledFrom([]string{"", "acme", "d1"}), rapid.StringN(0, 40, 200))
			return fleet.Publication{
				Topic: text.Draw(t, "topic"), Payload: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload"),
				ReceivedAt: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "at")).UTC(),
				Fleet:      text.Draw(t, "fleet"), Subject: text.Draw(t, "subject"), Role: fleet.Role(text.Draw(t, "role")),
				Driver: text.Draw(t, "driver"), Node: text.Draw(t, "node"), Decoded: rapid.Bool().Draw(t, "decoded"),
			}
		}), 1, 20).Draw(t, "publications")
		var f frame
		f.reset()
		for i := range want {
			before := len(f.buf)
			f.add(&want[i], nil, 0)
			if grown := len(f.buf) - before; grown > recordSize(&want[i]) {
				t.Fatalf("a record takes %d bytes, recordSize says %d", grown, recordSize(&want[i]))
			}
		}
		records, err := decodeFrame(nil, f.buf, 7)
		var got []fleet.Publication
		for i, r := range records {
			if r.Seq != 7 || r.Index != i {
				t.Fatalf("record %d is at %d in frame %d", i, r.Index, r.Seq)
			}
			got = append(got, r.Publication)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("decoded %+v, error %v, want %+v", got, err, want)
		}
	})
}

func TestOldFramesAreRead(t *testing.T) {
	frame := []byte("\x01" +
		"\x01\x05\x04acme\x02d1\x06driver\x02d1\x01n\x05topic\x03abc" +
		"\x00\x06\x04acme\x02d2\x06driver\x02d2\x00\x05topic\x00")
	got, err := decodeFrame(nil, frame, 3)
	want := []Record{
		{Seq: 3, Index: 0, Publication: fleet.Publication{Decoded: true, ReceivedAt: time.UnixMicro(5).UTC(), Fleet: "acme", Subject: "d1",
			Role: "driver", Driver: "d1", Node: "n", Topic: "topic", Payload: []byte("abc")}},
		{Seq: 3, Index: 1, Publication: fleet.Publication{ReceivedAt: time.UnixMicro(6).UTC(), Fleet: "acme", Subject: "d2",
			Role: "driver", Driver: "d2", Topic: "topic", Payload: []byte{}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %+v, error %v, want %+v", got, err, want)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	var good frame
	good.reset()
	p := publication("d7", 1)
	good.add(&p, nil, 0)
	f.Add(good.buf)
	f.Add(good.buf[:len(good.buf)-1])
	f.Add([]byte{frameVersion, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		ps, err := decodeFrame(nil, b, 1)
		if err != nil && len(ps) > 0 {
			t.Errorf("%d records and the error %v", len(ps), err)
		}
		total := 0
		for _, p := range ps {
			total += len(p.Payload)
		}
		if total > len(b) {
			t.Errorf("%d bytes came out of %d", total, len(b))
		}
	})
}

func TestCorruptFrameIsPassedOver(t *testing.T) {
	reg := prometheus.NewRegistry()
	l := open(t, t.TempDir(), Options{Registerer: reg})
	if _, err := l.js.Publish(t.Context(), subject(0), []byte("not a frame")); err != nil {
		t.Fatal(err)
	}
	to := newListener()
	appendAll(t, l, to, 0, 1)
	to.next(t, 1)
	if got := fetch(t, reader(t, l, 0), 1); string(got[0].Payload) != `{"n":0}` {
		t.Errorf("after the corrupt frame comes %s", got[0].Payload)
	}
	if got := counted(t, reg, "dray_stream_corrupt_frames_total"); got != 1 {
		t.Errorf("%v corrupt frames were counted, want 1", got)
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	r := reader(t, l, 0)
	done := make(chan error)
	go func() { _, err := r.Fetch(ctx, 1, time.Second); done <- err }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch = %v, want %v", err, context.Canceled)
	}
}
