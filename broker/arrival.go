package broker

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// An arrival is a connection of an HTTP server, until its first request is there.
type arrival struct {
	at    time.Time // of the accept
	asked atomic.Bool
	over  func() // it has asked, or is closed; any number of times
}

type arrivalKey struct{}

// TimeArrivals has the connect timeout of a WebSocket client run from the accept
// of its connection: TLS handshake, the request's header and CONNECT share it,
// however slowly the bytes come. Later requests of a connection have their own.
// Until the first one the caps of connections without a CONNECT hold for them, in
// a count of their own: who fills one port does not close the other.
func (b *Broker) TimeArrivals(srv *http.Server) {
	var all sync.Map // arrivals by net.Conn, of those that are not over
	door := newDoor(&b.opts.Limits)
	srv.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		addr := address(nc.RemoteAddr().String())
		if refused := door.enter(addr); refused != "" {
			b.metrics.connects("too many " + refused).Inc()
			_ = nc.Close()
			return ctx
		}
		late := time.AfterFunc(b.opts.Limits.ConnectTimeout, func() { _ = nc.Close() })
		a := &arrival{at: time.Now(), over: sync.OnceFunc(func() {
			late.Stop()
			all.Delete(nc)
			door.greeted(addr)
			door.leave()
		})}
		all.Store(nc, a)
		return context.WithValue(ctx, arrivalKey{}, a)
	}
	srv.ConnState = func(nc net.Conn, state http.ConnState) {
		if a, ok := all.Load(nc); ok && state == http.StateClosed {
			a.(*arrival).over()
		}
	}
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := r.Context().Value(arrivalKey{}).(*arrival); ok {
			a.over()
			if a.asked.Swap(true) {
				r = r.WithContext(context.WithValue(r.Context(), arrivalKey{}, nil))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// arrived returns when the connection of a request was accepted, or now when it
// is not the first request on it.
func arrived(r *http.Request) time.Time {
	if a, ok := r.Context().Value(arrivalKey{}).(*arrival); ok {
		return a.at
	}
	return time.Now()
}
