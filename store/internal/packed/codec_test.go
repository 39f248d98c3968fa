package packed

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawRow draws what a device may send, nonsense included.
func drawRow(t *rapid.T) Row {
	optional := func(name string, v *rapid.Generator[int64]) int64 {
		return rapid.OneOf(rapid.Just(int64(None)), v).Draw(t, name)
	}
	small := rapid.Int64Range(-1e9, 1e9)
	times := rapid.Int64Range(946684800, 7258118400)
	return Row{
		At:     rapid.OneOf(rapid.Int64Range(1_700_000_000_000_000, 1_700_003_600_000_000), rapid.Map(times, func(s int64) int64 { return s * 1e6 })).Draw(t, "at"),
		Source: rapid.Int64Range(0, 1<<31).Draw(t, "source"), Seq: rapid.Int64Range(-1, 1<<62).Draw(t, "seq"),
		SentAt: optional("sent", times), ReceivedAt: times.Draw(t, "received"), StoredAt: times.Draw(t, "stored") * secondUS,
		Lat: small.Draw(t, "lat"), Lon: small.Draw(t, "lon"),
		Accuracy: optional("accuracy", small), Altitude: optional("altitude", small), Speed: optional("speed", small),
		Heading: optional("heading", small), Battery: optional("battery", small),
		Cause: rapid.SampledFrom([]string{"", "time", "turn\x00"}).Draw(t, "cause"),
		Ext:   rapid.SampledFrom([][]byte{nil, []byte(`{"a":1}`)}).Draw(t, "ext"),
	}
}

// drawRows draws rows in order, each key once.
func drawRows(t *rapid.T, name string) []Row {
	rows := rapid.SliceOfN(rapid.Custom(drawRow), 0, 40).Draw(t, name)
	byKey := func(a, b Row) int { return a.Key().Compare(b.Key()) }
	slices.SortFunc(rows, byKey)
	return slices.CompactFunc(rows, func(a, b Row) bool { return byKey(a, b) == 0 })
}

func TestDecodeIsTheInverseOfEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, "rows")
		got, err := Decode(Encode(rows))
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 && len(got) == 0 {
			return
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Fatalf("rows (-want +got):\n%s", diff)
		}
	})
}

// Packing late rows into a block is packing all at once, and doing it again
// changes nothing.
func TestMergeLateRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawRows(t, "rows")
		var early, late []Row
		for _, r := range all {
			where := rapid.IntRange(0, 2).Draw(t, "where") // 2: in both
			if where != 1 {
				early = append(early, r)
			}
			if where != 0 {
				late = append(late, r)
			}
		}
		packed, err := Decode(Encode(early))
		if err != nil {
			t.Fatal(err)
		}
		got := Merge(Merge(packed, late), late)
		if len(got) != len(all) || len(all) > 0 && !cmp.Equal(all, got) {
			t.Fatalf("merged (-want +got):\n%s", cmp.Diff(all, got))
		}
	})
}

func TestStoredTimeIsKeptToTheSecond(t *testing.T) {
	rows, err := Decode(Encode([]Row{{At: 5, ReceivedAt: 1_700_000_000_999_999, StoredAt: 1_700_000_001_400_000}}))
	if err != nil || rows[0].StoredAt != 1_700_000_001_000_000 {
		t.Errorf("stored at %v, error %v, want the second", rows, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode([]Row{{At: 1, Seq: 2, Cause: "turn", Ext: []byte("{}")}, {At: 2, SentAt: None}}))
	f.Add([]byte{version})
	f.Fuzz(func(t *testing.T, block []byte) {
		rows, err := Decode(block) // must not panic, nor take memory without end
		if err == nil && len(rows) > maxBody {
			t.Error("more rows than bytes")
		}
		b := encoder.EncodeAll(block, []byte{version})
		_, _ = Decode(b) // the same behind the compression
	})
}
