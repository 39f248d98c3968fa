package socketio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// A client speaks Socket.IO 5 over Engine.IO 4, on WebSocket alone: each text
// message begins with the Engine.IO packet type, and a message (4) with the
// Socket.IO one (https://socket.io/docs/v4/socket-io-protocol/).
type client struct {
	conn       net.Conn
	dispatcher bool
	buf        []byte
}

const (
	ping, pong = "2", "3"
	connected  = "40"
	event      = "42"
	acked      = "43"
)

func connect(ctx context.Context, addr, role, id string) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	q := url.Values{"EIO": {"4"}, "transport": {"websocket"}, "role": {role}, "id": {id}}
	conn, early, _, err := ws.Dial(ctx, "ws://"+addr+"/socket.io/?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	if early != nil { // the server may send its first message with the upgrade
		conn = &eager{conn, early}
	}
	c := &client{conn: conn, dispatcher: role == "dispatcher"}
	err = wsutil.WriteClientText(conn, []byte(connected))
	for err == nil {
		var text []byte
		if text, err = wsutil.ReadServerText(conn); bytes.HasPrefix(text, []byte(connected)) {
			return c, nil
		}
	}
	conn.Close()
	return nil, fmt.Errorf("connect %s: %w", id, err)
}

// eager is a connection of which some bytes were read already.
type eager struct {
	net.Conn
	r *bufio.Reader
}

func (e *eager) Read(p []byte) (int, error) {
	if e.r.Buffered() > 0 {
		return e.r.Read(p[:min(len(p), e.r.Buffered())])
	}
	return e.Conn.Read(p)
}

// report sends positions with at most inflight unacknowledged, until the
// connection's deadline.
func (c *client) report(inflight int, ackedCount, delivered *atomic.Int64) error {
	next := 0
	send := func(n int) error {
		for range n {
			next++
			c.buf = appendFix(c.buf[:0], next, time.Now())
			if err := wsutil.WriteClientText(c.conn, c.buf); err != nil {
				return err
			}
		}
		return nil
	}
	if !c.dispatcher {
		if err := send(inflight); err != nil {
			return err
		}
	}
	for {
		text, err := wsutil.ReadServerText(c.conn)
		if err != nil {
			return err
		}
		switch {
		case bytes.HasPrefix(text, []byte(acked)):
			ackedCount.Add(1)
			err = send(1)
		case bytes.HasPrefix(text, []byte(event)) && c.dispatcher:
			delivered.Add(1)
		case string(text) == ping:
			err = wsutil.WriteClientText(c.conn, []byte(pong))
		}
		if err != nil {
			return err
		}
	}
}

// appendFix appends an event that carries the 172 bytes of package load's fix.
func appendFix(b []byte, seq int, now time.Time) []byte {
	b = append(b, event...)
	b = strconv.AppendInt(b, int64(seq), 10) // the acknowledgement's id
	b = append(b, `["driver:locationUpdate",{"fix_at":`...)
	b = strconv.AppendInt(b, now.UnixMilli(), 10)
	b = append(b, `,"lat":52.520008,"lon":13.404954,"accuracy_m":4.5,"speed_mps":12.5,"heading_deg":271.5,"battery_pct":80,"boot":"1","seq":`...)
	b = strconv.AppendInt(b, 1_000_000_000+int64(seq), 10)
	return append(b, `,"source":"phone"}]`...)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
