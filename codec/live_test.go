package codec

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"
)

func drawFrame(t *rapid.T) Frame {
	word := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
	f := Frame{
		Fleet:      word.Draw(t, "fleet"),
		ServerTime: noon.Add(time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "server time")) * time.Millisecond),
		Epoch:      rapid.Uint64().Draw(t, "epoch"),
		Sequence:   rapid.Uint64().Draw(t, "sequence"),
		Keyframe:   rapid.Bool().Draw(t, "keyframe"),
	}
	for i := range rapid.IntRange(0, 40).Draw(t, "drivers") {
		e := LiveEntry{
			Index:   rapid.Uint32().Draw(t, "index"),
			Lat:     rapid.Int32Range(-90e7, 90e7).Draw(t, "lat"),
			Lon:     rapid.Int32Range(-180e7, 180e7).Draw(t, "lon"),
			Speed:   rapid.Int32Range(-1, 1e7).Draw(t, "speed"),
			Heading: rapid.Int32Range(-1, 3599).Draw(t, "heading"),
			FixAt:   f.ServerTime.UnixMilli() - rapid.Int64Range(0, math.MaxUint32).Draw(t, "age"),
			Flags:   rapid.Uint32().Draw(t, "flags"),
		}
		f.Entries = append(f.Entries, e)
		if i%3 == 0 {
			f.Names = append(f.Names, LiveName{e.Index, word.Draw(t, "driver")})
		}
	}
	return f
}

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawFrame(t)
		prefix := []byte("prefix")
		data := AppendFrame(prefix, &want)
		if !bytes.HasPrefix(data, prefix) {
			t.Fatal("what stood in the buffer is gone")
		}
		got, err := DecodeFrame(data[len(prefix):])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("frame (-want +got):\n%s", diff)
		}
	})
}

// liveType is message Frame as an independent implementation sees it. It is
// written from live.proto; TestLiveProto holds the two together.
func liveType(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	field := func(name string, n int32, kind descriptorpb.FieldDescriptorProto_Type, many bool) *descriptorpb.FieldDescriptorProto {
		label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
		if many {
			label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
		}
		d := &descriptorpb.FieldDescriptorProto{Name: proto.String(name), Number: proto.Int32(n), Type: kind.Enum(), Label: label.Enum()}
		if kind == descriptorpb.FieldDescriptorProto_TYPE_MESSAGE {
			d.TypeName = proto.String(".dray.live.v1.Name")
		}
		return d
	}
	const (
		str = descriptorpb.FieldDescriptorProto_TYPE_STRING
		u32 = descriptorpb.FieldDescriptorProto_TYPE_UINT32
		s32 = descriptorpb.FieldDescriptorProto_TYPE_SINT32
		u64 = descriptorpb.FieldDescriptorProto_TYPE_UINT64
	)
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("live.proto"), Package: proto.String("dray.live.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Frame"), Field: []*descriptorpb.FieldDescriptorProto{
				field("fleet", 1, str, false),
				field("server_time_ms", 2, descriptorpb.FieldDescriptorProto_TYPE_INT64, false),
				field("sequence", 3, u64, false),
				field("keyframe", 4, descriptorpb.FieldDescriptorProto_TYPE_BOOL, false),
				field("index", 5, u32, true), field("lat", 6, s32, true), field("lon", 7, s32, true),
				field("speed", 8, s32, true), field("heading", 9, s32, true), field("age", 10, u32, true), field("flags", 11, u32, true),
				field("names", 12, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, true),
				field("epoch", 13, u64, false),
			}},
			{Name: proto.String("Name"), Field: []*descriptorpb.FieldDescriptorProto{field("index", 1, u32, false), field("driver", 2, str, false)}},
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().ByName("Frame")
}

// TestFrameIsProtobuf holds our encoding to Google's, byte for byte.
func TestFrameIsProtobuf(t *testing.T) {
	frame := liveType(t)
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		ours := AppendFrame(nil, &f)
		m := dynamicpb.NewMessage(frame)
		if err := proto.Unmarshal(ours, m); err != nil {
			t.Fatalf("protobuf does not read it: %v", err)
		}
		if len(m.GetUnknown()) > 0 {
			t.Fatal("protobuf finds unknown fields")
		}
		theirs, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("ours\n%s\nprotobuf's\n%s", hex.Dump(ours), hex.Dump(theirs))
		}
	})
}

func TestLiveProto(t *testing.T) {
	frame := liveType(t)
	for _, message := range []protoreflect.MessageDescriptor{frame, frame.Fields().ByName("names").Message()} {
		fields := message.Fields()
		for i := range fields.Len() {
			fd := fields.Get(i)
			kind := fd.Kind().String()
			if fd.Message() != nil {
				kind = string(fd.Message().Name())
			}
			if fd.IsList() {
				kind = "repeated " + kind
			}
			line := fmt.Sprintf("  %s %s = %d;", kind, fd.Name(), fd.Number())
			if !bytes.Contains(LiveProto, []byte(line)) {
				t.Errorf("live.proto has no line %q", line)
			}
		}
	}
}

func TestNewLiveEntry(t *testing.T) {
	fix := fleet.Fix{FixAt: noon, Lat: 59.32932349, Lon: -180, Speed: fleet.Some(13.888), Heading: fleet.Some(359.96)}
	want := LiveEntry{Index: 3, Lat: 593293235, Lon: -1800000000, Speed: 1389, Heading: 0, FixAt: noon.UnixMilli(), Flags: LiveOnline | LiveBacklog}
	if got := NewLiveEntry(3, &fix, 1|8); got != want {
		t.Errorf("entry %+v, want %+v", got, want)
	}
	bare := NewLiveEntry(0, &fleet.Fix{FixAt: noon}, 0)
	if bare.Speed != -1 || bare.Heading != -1 {
		t.Errorf("absent speed and heading are %d and %d, want -1", bare.Speed, bare.Heading)
	}
}

func TestFrameAge(t *testing.T) {
	f := Frame{ServerTime: noon, Entries: []LiveEntry{
		{FixAt: noon.Add(time.Second).UnixMilli()},  // ahead: 0
		{FixAt: noon.AddDate(-1, 0, 0).UnixMilli()}, // older than the column can say
		{FixAt: noon.Add(-1500 * 1e6).UnixMilli()},  // 1.5 s
	}}
	got, err := DecodeFrame(AppendFrame(nil, &f))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{0, math.MaxUint32, 1500} {
		if age := noon.UnixMilli() - got.Entries[i].FixAt; age != want {
			t.Errorf("entry %d: age %d ms, want %d", i, age, want)
		}
	}
}

func TestAppendFrameDoesNotAllocate(t *testing.T) {
	f := benchFrame(100)
	buf := make([]byte, 0, 64<<10)
	if n := testing.AllocsPerRun(100, func() { buf = AppendFrame(buf[:0], f) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add(AppendFrame(nil, benchFrame(3)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := DecodeFrame(data)
		if err != nil {
			return
		}
		again, err := DecodeFrame(AppendFrame(nil, &frame))
		if err != nil || len(again.Entries) != len(frame.Entries) {
			t.Fatalf("a frame that was decoded does not survive: %v", err)
		}
	})
}

func benchFrame(drivers int) *Frame {
	f := &Frame{Fleet: "acme", ServerTime: noon, Epoch: 1, Sequence: 7, Keyframe: true}
	for i := range drivers {
		n := int32(i)
		f.Entries = append(f.Entries, LiveEntry{Index: uint32(i), Lat: 593293235 + n*1000, Lon: 180685810 - n*700, Speed: 1200 + n, Heading: n * 7 % 3600, FixAt: noon.UnixMilli() - int64(i), Flags: 1})
		f.Names = append(f.Names, LiveName{uint32(i), fmt.Sprintf("driver-%04d", i)})
	}
	return f
}

func BenchmarkAppendFrame(b *testing.B) {
	f := benchFrame(1000)
	f.Names = nil
	buf := AppendFrame(nil, f)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		buf = AppendFrame(buf[:0], f)
	}
}
