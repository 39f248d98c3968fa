package chaos

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Of MQTT 5: packet types in the first byte (section 2.1.2) and a reason code
// (section 3.14.2.1).
const (
	connectV5          = 0x10
	connackV5          = 0x20
	disconnectV5       = 0xE0
	serverShuttingDown = 0x8B
)

// A guest is an MQTT 5 connection that does nothing but hear how it ends: only
// version 5 is told.
type guest struct {
	conn net.Conn
	r    *bufio.Reader
}

func (r *rig) newGuest(ctx context.Context, sub string) (*guest, error) {
	token, err := r.token(fleet.RoleDispatcher, sub)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", r.mqtt)
	if err != nil {
		return nil, err
	}
	const cleanWithUserAndPassword, keepAlive, noProperties = 0xC2, 300, 0
	body := append(field(nil, "MQTT"), 5, cleanWithUserAndPassword, keepAlive>>8, keepAlive&0xff, noProperties)
	for _, s := range []string{sub, sub, token} {
		body = field(body, s)
	}
	packet := append(binary.AppendUvarint([]byte{connectV5}, uint64(len(body))), body...)
	g := &guest{conn: conn, r: bufio.NewReader(conn)}
	_, err = conn.Write(packet)
	if err == nil {
		err = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	}
	var kind byte
	if err == nil {
		kind, body, err = g.read()
	}
	if err == nil && (kind != connackV5 || len(body) < 2 || body[1] != 0) {
		err = fmt.Errorf("MQTT 5: got packet %#x %x instead of CONNACK", kind, body)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return g, nil
}

// field appends a string as MQTT writes it, with its length in two bytes.
func field(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func (g *guest) read() (kind byte, body []byte, err error) {
	if kind, err = g.r.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(g.r) // the same encoding as MQTT's lengths
	if err != nil || n > 1<<20 {
		return 0, nil, errors.Join(err, fmt.Errorf("a packet of %d bytes", n))
	}
	body = make([]byte, n)
	_, err = io.ReadFull(g.r, body)
	return kind & 0xf0, body, err
}

// farewell waits for the DISCONNECT and returns its reason code; an error means
// that the connection ended without one.
func (g *guest) farewell(limit time.Duration) (reason byte, err error) {
	defer g.conn.Close()
	if err := g.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return 0, err
	}
	for {
		kind, body, err := g.read()
		if err != nil {
			return 0, err
		}
		if kind == disconnectV5 {
			if len(body) == 0 {
				return 0, nil // section 3.14.2.1: normal disconnection
			}
			return body[0], nil
		}
	}
}
