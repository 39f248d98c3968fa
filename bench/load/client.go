package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"time"
)

type client struct {
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

func (o *Options) connect(ctx context.Context, role, subject string) (*client, error) {
	token, err := o.Token(role, subject)
	if err != nil {
		return nil, fmt.Errorf("token of %s: %w", subject, err)
	}
	size := 4 << 10
	if role == "dispatcher" {
		size = 256 << 10
	}
	return o.login(ctx, subject, token, size)
}

// login connects with a token; size is that of the read buffer.
func (o *Options) login(ctx context.Context, subject, token string, size int) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := dial(ctx, o.Addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	c := &client{conn: conn, r: bufio.NewReaderSize(conn, size)}
	body, err := c.exchange(connectPacket(subject, subject, token), connack)
	if err == nil && (len(body) < 2 || body[1] != 0) {
		err = fmt.Errorf("refused: CONNACK % x", body)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect %s: %w", subject, err)
	}
	return c, nil
}

func (c *client) subscribe(filter string) error {
	body, err := c.exchange(subscribePacket(filter), suback)
	if err == nil && (len(body) < 3 || body[2] > 2) {
		err = fmt.Errorf("refused: SUBACK % x", body)
	}
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", filter, err)
	}
	return nil
}

// exchange sends a packet and returns the answer, which must be of kind want.
func (c *client) exchange(packet []byte, want byte) ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(packet); err != nil {
		return nil, err
	}
	kind, body, err := readPacket(c.r, &c.buf)
	if err == nil && kind != want {
		err = fmt.Errorf("packet of type %d instead of %d", kind, want)
	}
	if err != nil {
		return nil, err
	}
	return body, c.conn.SetDeadline(time.Time{})
}

// report publishes until end with at most Inflight unacknowledged, all that an
// acknowledgement makes room for in one write, and returns when the last one is
// acknowledged.
func (r *run) report(driver int, c *client, end time.Time) error {
	t := newTemplate("fleet/" + r.opts.Fleet + "/drivers/" + driverID(driver) + "/location")
	var (
		seq, acked int64 = r.first, r.first
		out        []byte
		samples    []time.Duration
		pace       time.Duration
		next       = r.start
	)
	if r.opts.Rate > 0 {
		pace = time.Duration(int64(time.Second) * int64(r.opts.Drivers) / int64(r.opts.Rate))
		next = next.Add(pace * time.Duration(driver) / time.Duration(r.opts.Drivers))
	}
	defer func() {
		r.acked.Add(acked - r.first)
		r.mu.Lock()
		r.acks = append(r.acks, samples...)
		r.mu.Unlock()
	}()
	if err := c.conn.SetDeadline(end.Add(r.opts.Grace)); err != nil {
		return err
	}
	for {
		now := time.Now()
		if pace > 0 && seq == acked && now.Before(end) {
			time.Sleep(next.Sub(now))
			now = time.Now()
		}
		out = out[:0]
		for now.Before(end) && seq-acked < int64(r.opts.Inflight) && (pace == 0 || !next.After(now)) {
			r.sentAt[driver][seq%ring].Store(int64(now.Sub(r.start)))
			out = t.appendTo(out, uint16(seq%65535)+1, now.UnixMilli(), seq)
			seq++
			next = next.Add(pace)
		}
		if _, err := c.conn.Write(out); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if seq == acked {
			if now.Before(end) {
				continue
			}
			return nil
		}
		for first := true; first || c.r.Buffered() >= 4; first = false {
			kind, body, err := readPacket(c.r, &c.buf)
			if err != nil {
				return fmt.Errorf("read acknowledgement: %w", err)
			}
			if kind != puback {
				continue
			}
			// Brokers acknowledge in the order of the publishes (MQTT 3.1.1 section 4.6).
			if id := binary.BigEndian.Uint16(body); id != uint16(acked%65535)+1 {
				return fmt.Errorf("packet %d acknowledged out of order", id)
			}
			since := int64(time.Since(r.start))
			samples = append(samples, time.Duration(since-r.sentAt[driver][acked%ring].Load()))
			r.lastAck.Store(since)
			acked++
		}
	}
}

// watch counts deliveries until the connection is closed.
func (r *run) watch(c *client) {
	var samples []time.Duration
	defer func() {
		r.mu.Lock()
		r.live = append(r.live, samples...)
		r.mu.Unlock()
	}()
	prefix := len("fleet/" + r.opts.Fleet + "/drivers/bench-")
	for {
		kind, body, err := readPacket(c.r, &c.buf)
		if err != nil {
			return
		}
		if kind != publish {
			continue
		}
		r.delivered.Add(1)
		r.bytes.Add(int64(len(body)))
		if r.opts.Filter != "" {
			continue // not single positions
		}
		if len(samples) == cap(samples) && cap(samples) >= 1<<22 {
			continue // enough for percentiles
		}
		driver, err := strconv.Atoi(string(body[2+prefix : 2+prefix+6]))
		at := bytes.Index(body, []byte(seqKey))
		if err != nil || at < 0 || driver >= r.opts.Drivers {
			continue // not one of ours
		}
		seq, err := strconv.ParseInt(string(body[at+len(seqKey):at+len(seqKey)+10]), 10, 64)
		if err == nil {
			samples = append(samples, time.Since(r.start)-time.Duration(r.sentAt[driver][seq%ring].Load()))
		}
	}
}
