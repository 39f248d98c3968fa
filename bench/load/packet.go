package load

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// Packet types of MQTT 3.1.1, section 2.2.1.
const (
	connack = 2
	publish = 3
	puback  = 4
	suback  = 9
)

func connectPacket(clientID, user, password string) []byte {
	body := []byte{0, 4, 'M', 'Q', 'T', 'T', 4, 0xc2, 0, 0} // clean session, no keep-alive
	for _, s := range []string{clientID, user, password} {
		body = appendString(body, s)
	}
	return frame(0x10, body)
}

func subscribePacket(filter string) []byte {
	return frame(0x82, append(appendString([]byte{0, 1}, filter), 0))
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func frame(first byte, body []byte) []byte {
	p := []byte{first}
	for n := len(body); ; {
		digit := byte(n & 0x7f)
		if n >>= 7; n == 0 {
			p = append(p, digit)
			break
		}
		p = append(p, digit|0x80)
	}
	return append(p, body...)
}

// A template is one driver's PUBLISH at QoS 1, of which only the packet id, the
// time and the seq change, in place. Its payload has 172 bytes and is a valid
// fix.
type template struct {
	packet       []byte
	id, fixAt, n int // offsets
}

const (
	firstSeq  = 1_000_000_000 // ten digits for ever
	seqsOfRun = 10_000_000
	seqKey    = `"seq":`
)

func newTemplate(topic string) template {
	const payload = `{"fix_at":1777615200250,"lat":52.520008,"lon":13.404954,"accuracy_m":4.5,"speed_mps":12.5,` +
		`"heading_deg":271.5,"battery_pct":80,"boot":"1","seq":1000000000,"source":"phone"}`
	body := appendString(nil, topic)
	id := len(body)
	body = append(body, 0, 0)
	start := len(body)
	body = append(body, payload...)
	packet := frame(0x32, body)
	header := len(packet) - len(body)
	const fixAt, seq = len(`{"fix_at":`), len(payload) - len(`1000000000,"source":"phone"}`)
	return template{packet, header + id, header + start + fixAt, header + start + seq}
}

// appendTo appends the packet with the given numbers to b.
func (t *template) appendTo(b []byte, id uint16, fixAtMillis, seq int64) []byte {
	binary.BigEndian.PutUint16(t.packet[t.id:], id)
	strconv.AppendInt(t.packet[t.fixAt:t.fixAt], fixAtMillis, 10) // both keep their width
	strconv.AppendInt(t.packet[t.n:t.n], seq, 10)
	return append(b, t.packet...)
}

// readPacket returns the type and body of the next packet; body is valid until
// the next call.
func readPacket(r *bufio.Reader, buf *[]byte) (kind byte, body []byte, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	n, shift := 0, 0
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, nil, err
		}
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			break
		}
		if shift += 7; shift > 21 {
			return 0, nil, fmt.Errorf("remaining length is longer than 4 bytes")
		}
	}
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	body = (*buf)[:n]
	_, err = io.ReadFull(r, body)
	return first >> 4, body, err
}
