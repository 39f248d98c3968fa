package chaos

import (
	"io"
	"net"
	"sync"
	"time"
)

// What a proxy does to what passes through it.
type mode int

const (
	pass   mode = iota
	drop        // ends connections and takes no new one
	freeze      // takes connections and passes nothing
	oneWay      // passes what clients say, but no answer
	reset       // ends connections with a reset, again and again
)

// A proxy stands between the broker and the stream.
type proxy struct {
	ln     net.Listener
	target string
	served sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	mode    mode
	conns   map[*net.TCPConn]struct{}
	closed  bool
}

func newProxy(target string) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{ln: ln, target: target, conns: map[*net.TCPConn]struct{}{}}
	p.changed.L = &p.mu
	p.served.Go(p.accept)
	return p, nil
}

func (p *proxy) accept() {
	for {
		conn, err := p.ln.Accept()
		if err != nil {
			return // closed
		}
		p.served.Go(func() { p.serve(conn.(*net.TCPConn)) })
	}
}

func (p *proxy) serve(near *net.TCPConn) {
	if !p.keep(near) {
		near.Close()
		return
	}
	defer p.end(near)
	conn, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		return
	}
	far := conn.(*net.TCPConn)
	if !p.keep(far) {
		far.Close()
		return
	}
	defer p.end(far)
	var both sync.WaitGroup
	both.Go(func() { p.copy(far, near, false) })
	both.Go(func() { p.copy(near, far, true) })
	both.Wait()
}

func (p *proxy) keep(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.mode == drop || p.mode == reset {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) end(c *net.TCPConn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	c.Close()
}

// copy passes on what src says, while the mode lets it.
func (p *proxy) copy(dst io.WriteCloser, src io.ReadCloser, answers bool) {
	defer dst.Close()
	defer src.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := src.Read(b)
		if n > 0 {
			p.mu.Lock()
			for !p.closed && (p.mode == freeze || p.mode == oneWay && answers) {
				p.changed.Wait()
			}
			p.mu.Unlock()
			if _, err := dst.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// set changes the mode. drop and reset end what there is.
func (p *proxy) set(m mode) {
	p.mu.Lock()
	p.mode = m
	if m == drop || m == reset {
		p.endAll(m == reset)
	}
	p.changed.Broadcast()
	p.mu.Unlock()
}

func (p *proxy) endAll(withReset bool) {
	for c := range p.conns {
		if withReset {
			_ = c.SetLinger(0) // then Close sends RST; it is closed in any case
		}
		c.Close()
	}
}

func (p *proxy) close() error {
	p.mu.Lock()
	p.closed = true
	p.endAll(false)
	p.changed.Broadcast()
	p.mu.Unlock()
	err := p.ln.Close()
	p.served.Wait()
	return err
}
