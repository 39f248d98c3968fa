package packet

import "testing"

var fix = []byte(`{"fix_at":"2026-05-04T07:12:33.250Z","lat":59.32931,"lon":18.06858,"accuracy_m":4.5,"speed_mps":13.2,"heading_deg":271.5,"battery_pct":81}`)

func benchPublish() map[string][]byte {
	topic := str("fleet/acme/drivers/d7/location")
	return map[string][]byte{
		"3.1.1":        frame(0x32, topic, 0, 1, fix),
		"5":            frame(0x32, topic, 0, 1, 0, fix),
		"5,properties": frame(0x32, topic, 0, 1, props(propPayloadFormat, 1, propContentType, str("application/json"), user("app", "1.4.2")), fix),
	}
}

func BenchmarkParsePublish(b *testing.B) {
	for name, f := range benchPublish() {
		version := V5
		if name == "3.1.1" {
			version = V311
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var p Publish
			for b.Loop() {
				if err := ParsePublish(f, version, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSplit(b *testing.B) {
	f := benchPublish()["5"]
	b.ReportAllocs()
	for b.Loop() {
		if n, _, err := Split(f, 1<<16); n == 0 || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkAppendPublish(b *testing.B) {
	p := &Publish{Topic: []byte("fleet/acme/drivers/d7/location"), Payload: fix}
	dst := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendPublish(dst[:0], V5, p)
	}
}

// TestNoAllocation holds the hot path to what the package promises.
func TestNoAllocation(t *testing.T) {
	frames, dst := benchPublish(), make([]byte, 0, 512)
	ack := frame(0x40, 0, 1, 0, 0)
	var p Publish
	for name, f := range map[string]func(){
		"Split":         func() { Split(frames["5"], 1<<16) },
		"ParsePublish":  func() { ParsePublish(frames["5,properties"], V5, &p) },
		"Check PUBLISH": func() { Check(frames["3.1.1"], V311) },
		"ParseAck":      func() { ParseAck(ack, V5) },
		"Outbound":      func() { Outbound(frames["5"]) },
		"AppendPublish": func() { dst = AppendPublish(dst[:0], V5, &p) },
		"AppendPuback":  func() { dst = AppendPuback(dst[:0], V5, 1, CodePayloadFormat, "why") },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
