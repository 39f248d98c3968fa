package broker

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// An arrival is a connection of an HTTP server, until its first request is there.
type arrival struct {
	at    time.Time   // of the accept
	late  *time.Timer // closes it
	asked atomic.Bool
}

type arrivalKey struct{}

// TimeArrivals has the connect timeout of a WebSocket client run from the accept
// of its connection: TLS handshake, the request's header and CONNECT share it,
// however slowly the bytes come. Later requests of a connection have their own.
func (b *Broker) TimeArrivals(srv *http.Server) {
	within := b.opts.Limits.ConnectTimeout
	srv.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		late := time.AfterFunc(within, func() { _ = nc.Close() })
		return context.WithValue(ctx, arrivalKey{}, &arrival{at: time.Now(), late: late})
	}
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := r.Context().Value(arrivalKey{}).(*arrival); ok {
			a.late.Stop()
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
