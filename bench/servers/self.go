package servers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof" // for Collect
	"os"
	"path/filepath"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker"
	"github.com/dray-fleet/dray/stream"
)

// Some servers are parts in a process of their own: this program, started again
// with the part's name and where to listen.
const (
	partMochi  = "mochi"
	partBroker = "broker"
)

// Mochi starts the engine that dray embeds, bare, with its default listeners.
func Mochi(core string) (*Server, error) {
	s := &Server{Name: "mochi", Token: anyPassword}
	return s, s.self(core, partMochi)
}

// Broker starts dray's broker and its synced stream without ingest, so that what
// it costs is measured apart. With dir it runs in that data directory, which Stop
// leaves.
func Broker(core, dir string) (*Server, error) {
	s := &Server{Name: "broker and stream", Dir: dir}
	var err error
	if s.Token, err = Tokens(time.Hour); err != nil {
		return nil, err
	}
	if dir == "" {
		if s.Dir, err = s.temporary(); err != nil {
			return nil, err
		}
	}
	return s, s.self(core, partBroker)
}

func (s *Server) self(core, part string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	var addrs [3]string
	for i := range addrs {
		if addrs[i], err = freeAddr(); err != nil {
			return err
		}
	}
	s.MQTT, s.Admin, s.WebSocket = addrs[0], addrs[1], "ws://"+addrs[2]+"/mqtt"
	err = s.start(core, os.Environ(), program, part, addrs[0], addrs[1], addrs[2], s.Dir)
	if err == nil {
		err = s.await(func() error { return errors.Join(reachable(s.MQTT), reachable(s.Admin)) })
	}
	if err != nil {
		_ = s.Stop()
	}
	return err
}

// Part runs the part that args name until ctx is done. It reports false when
// they name none: then this is the benchmark itself.
func Part(ctx context.Context, args []string) (bool, error) {
	if len(args) != 5 || args[0] != partMochi && args[0] != partBroker {
		return false, nil
	}
	ln, err := net.Listen("tcp", args[2])
	if err != nil {
		return true, err
	}
	defer ln.Close()
	g, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { ln.Close() })
	g.Go(func() error {
		if err := http.Serve(ln, nil); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		if args[0] == partMochi {
			return runMochi(ctx, args[1], args[3])
		}
		return runBroker(ctx, args[1], args[4])
	})
	return true, g.Wait()
}

func runMochi(ctx context.Context, tcp, webSocket string) error {
	quiet := slog.New(slog.DiscardHandler)
	s := mqtt.New(&mqtt.Options{Logger: quiet})
	err := errors.Join(
		s.AddHook(new(allowAll), nil),
		s.AddListener(listeners.NewTCP(listeners.Config{ID: "tcp", Address: tcp})),
		s.AddListener(listeners.NewWebsocket(listeners.Config{ID: "ws", Address: webSocket})),
		s.Serve(),
	)
	if err != nil {
		return fmt.Errorf("mochi: %w", err)
	}
	<-ctx.Done()
	return s.Close()
}

// allowAll lets everybody in; without a hook that does, mochi lets in nobody.
type allowAll struct{ mqtt.HookBase }

func (*allowAll) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}
func (*allowAll) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (*allowAll) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }

func runBroker(ctx context.Context, tcp, dir string) error {
	quiet := slog.New(slog.DiscardHandler)
	log, err := stream.Open(ctx, stream.Options{Dir: filepath.Join(dir, "stream"), Logger: quiet})
	if err != nil {
		return err
	}
	verifier, err := auth.NewVerifier(auth.Options{Secret: []byte(secret)})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	b, err := broker.New(log, logins{verifier}, broker.Options{
		Addr: tcp, Logger: quiet, Limits: broker.Limits{MessageRate: -1, PerAddress: 4096, QueueBytes: 64 << 20},
	})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	return errors.Join(b.Run(ctx), log.Close())
}

// logins takes tokens and revokes none.
type logins struct{ verifier *auth.Verifier }

func (l logins) Login(ctx context.Context, login broker.Login) (*auth.Claims, error) {
	return l.verifier.Verify(ctx, login.Password)
}

func (logins) Revoked(*auth.Claims) bool { return false }
