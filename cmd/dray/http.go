package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// serveHTTP answers on ln until ctx is done, then lets requests in flight finish.
func serveHTTP(ctx context.Context, ln net.Listener, srv *http.Server) error {
	done := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := srv.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close() // a long poll or a slow client: they will come back
		}
		done <- err
	})
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done // Serve returns as Shutdown begins; wait until it ends
}

// openAdmin opens the port of metrics, health and profiles.
func (n *node) openAdmin(context.Context) error {
	ln, err := net.Listen("tcp", n.c.Admin.Addr)
	if err != nil {
		return fmt.Errorf("admin.addr: %w", err)
	}
	n.adminListener = ln
	n.closers = append(n.closers, closed(ln))
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("/readyz", n.ready)
	mux.HandleFunc("POST /backup", n.backup)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := newHTTPServer(mux, n.log)
	n.add("admin", func(ctx context.Context) error { return serveHTTP(ctx, ln, srv) })
	return nil
}

// ready answers 503 while the database or the stream is away or full, and says
// which: {"ready":false,"store":"…","stream":"ok"}.
func (n *node) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	state := struct {
		Ready  bool    `json:"ready"`
		Store  string  `json:"store"`
		Stream string  `json:"stream,omitempty"`
		Fill   float64 `json:"stream_fill,omitempty"`
		Alarm  bool    `json:"stream_alarm,omitempty"`
	}{Ready: true, Store: "ok"}
	var store, log error
	var asked sync.WaitGroup
	asked.Go(func() {
		store = n.store.Ping(ctx)
		if store == nil && n.c.Store.URL == "" {
			store = diskFull(n.c.Data.Dir)
		}
	})
	if n.stream != nil {
		asked.Go(func() { log = n.stream.Ready(ctx) }) // meanwhile: one that hangs says nothing of the other
	}
	asked.Wait()
	if store != nil {
		state.Ready, state.Store = false, store.Error()
	}
	if n.stream != nil {
		state.Stream = "ok"
		if log != nil {
			state.Ready, state.Stream = false, log.Error()
		}
		s := n.stream.State()
		state.Fill, state.Alarm = s.Fill, s.Alarm
	}
	w.Header().Set("Content-Type", "application/json")
	if !state.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(state) // the prober has gone: nothing to do
}

// writeAddresses leaves the bound addresses in the data directory and the log,
// for those who asked for port 0.
func (n *node) writeAddresses() error {
	var a struct {
		HTTP    string `json:"http,omitempty"`
		MQTT    string `json:"mqtt,omitempty"`
		MQTTTLS string `json:"mqtt_tls,omitempty"`
		Admin   string `json:"admin"`
	}
	if n.httpListener != nil {
		a.HTTP = dialable(n.httpListener.Addr())
	}
	if n.broker != nil {
		a.MQTT = dialable(n.broker.Addr())
		if tls := n.broker.TLSAddr(); tls != nil {
			a.MQTTTLS = dialable(tls)
		}
	}
	a.Admin = dialable(n.adminListener.Addr())
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	path := filepath.Join(n.c.Data.Dir, "addresses.json")
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	n.log.Info("listening", "http", a.HTTP, "mqtt", a.MQTT, "mqtt_tls", a.MQTTTLS, "admin", a.Admin)
	return nil
}
