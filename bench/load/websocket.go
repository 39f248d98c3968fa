package load

import (
	"bytes"
	"context"
	"net"
	"strings"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// dial connects over TCP, or over WebSocket when addr is a URL of it.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	if !strings.HasPrefix(addr, "ws://") {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}
	d := ws.Dialer{Protocols: []string{"mqtt"}, ReadBufferSize: 512, WriteBufferSize: 512}
	conn, _, _, err := d.Dial(ctx, addr) // an MQTT server has nothing to say before the CONNECT
	if err != nil {
		return nil, err
	}
	return &webSocket{Conn: conn}, nil
}

// A webSocket is a stream of bytes in binary messages [MQTT-6.0.0-1].
type webSocket struct {
	net.Conn
	rest bytes.Reader // of the message that was read last
}

func (c *webSocket) Read(p []byte) (int, error) {
	for c.rest.Len() == 0 {
		message, err := wsutil.ReadServerBinary(c.Conn)
		if err != nil {
			return 0, err
		}
		c.rest.Reset(message)
	}
	return c.rest.Read(p)
}

func (c *webSocket) Write(p []byte) (int, error) {
	return len(p), wsutil.WriteClientBinary(c.Conn, p)
}
