package codec

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// AppendLocation appends fixes in the native shape of docs/mqtt.md: one
// object, or an array when there are several.
func AppendLocation(dst []byte, fixes []fleet.Fix) []byte {
	if len(fixes) == 1 {
		return appendNative(dst, &fixes[0])
	}
	dst = append(dst, '[')
	for i := range fixes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendNative(dst, &fixes[i])
	}
	return append(dst, ']')
}

// AppendHealth appends what a vendor's format says of a device in the native
// shape of a health report.
func AppendHealth(dst []byte, h *fleet.Health) []byte {
	head := len(dst)
	if !h.At.IsZero() {
		dst = appendTime(append(dst, `,"at":`...), h.At)
	}
	if h.Battery.OK {
		dst = appendFloat(append(dst, `,"battery_pct":`...), h.Battery.V)
	}
	if len(h.Ext) > 2 {
		dst = append(append(dst, ','), h.Ext[1:len(h.Ext)-1]...)
	}
	if len(dst) == head {
		return append(dst, "{}"...)
	}
	dst[head] = '{'
	return append(dst, '}')
}

func appendNative(dst []byte, f *fleet.Fix) []byte {
	dst = appendTime(append(dst, `{"fix_at":`...), f.FixAt)
	dst = appendFloat(append(dst, `,"lat":`...), f.Lat)
	dst = appendFloat(append(dst, `,"lon":`...), f.Lon)
	for _, m := range [...]struct {
		key string
		o   fleet.Opt
	}{
		{`,"accuracy_m":`, f.Accuracy}, {`,"altitude_m":`, f.Altitude}, {`,"speed_mps":`, f.Speed},
		{`,"heading_deg":`, f.Heading}, {`,"battery_pct":`, f.Battery},
	} {
		if m.o.OK {
			dst = appendFloat(append(dst, m.key...), m.o.V)
		}
	}
	if f.Boot != "" {
		dst = appendText(append(dst, `,"boot":`...), f.Boot)
	}
	if f.HasSeq {
		dst = strconv.AppendInt(append(dst, `,"seq":`...), f.Seq, 10)
	}
	if !f.SentAt.IsZero() {
		dst = appendTime(append(dst, `,"sent_at":`...), f.SentAt)
	}
	if f.Source != "" {
		dst = appendText(append(dst, `,"source":`...), f.Source)
	}
	if f.Trigger != "" {
		dst = appendText(append(dst, `,"trigger":`...), f.Trigger)
	}
	if len(f.Ext) > 2 { // its keys stand beside ours again
		dst = append(append(dst, ','), f.Ext[1:len(f.Ext)-1]...)
	}
	return append(dst, '}')
}

func appendFloat(dst []byte, v float64) []byte { return strconv.AppendFloat(dst, v, 'f', -1, 64) }

func appendTime(dst []byte, t time.Time) []byte {
	dst = t.UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05.999Z07:00")
	return append(dst, '"')
}

func appendText(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be marshalled
	}
	return append(dst, b...)
}
