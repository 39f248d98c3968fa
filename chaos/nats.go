package chaos

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ServeNATS runs a NATS server with JetStream on a loopback address, as an
// operator's own, until ctx is done: of the version that dray embeds, with every
// write synced.
func ServeNATS(ctx context.Context, addr, dir string) error {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{
		Host: host, Port: port, NoSigs: true, JetStream: true, StoreDir: dir, SyncAlways: true,
		MaxPayload: 2 << 20, DisableJetStreamBanner: true,
	})
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(30 * time.Second) {
		return errors.New("nats: not up within 30s")
	}
	<-ctx.Done()
	return nil
}
