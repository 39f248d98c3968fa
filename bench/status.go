package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/bench/servers"
)

const (
	statusDrivers  = 20
	statusRate     = 200 // a second, of all drivers
	statusPatience = 30 * time.Second
)

// A told is a shipment as a dispatcher hears of it.
type told struct {
	ID      string
	Version int64
	at      time.Time
}

func (t told) key() string { return t.ID + "/" + strconv.FormatInt(t.Version, 10) }

// status measures from a driver's publish of a status to the dispatcher's screen,
// which is after the commit.
func (b *bench) status(ctx context.Context) error {
	measure := func(name string) func(*servers.Server) error {
		return func(s *servers.Server) error { return b.statuses(ctx, name, s) }
	}
	return errors.Join(
		on(b.dray(), measure("SQLite")),
		on(func() (*servers.Server, error) { return servers.Postgres(b.core) }, func(pg *servers.Server) error {
			return on(b.dray("DRAY_STORE_URL="+pg.PostgresURL()), measure("PostgreSQL"))
		}),
	)
}

func (b *bench) statuses(ctx context.Context, name string, s *servers.Server) error {
	if err := underWay(ctx, s); err != nil {
		return err
	}
	heard := make(chan told, 10_000)
	office, err := dial(s, "dispatcher", "office")
	if err != nil {
		return err
	}
	defer office.Disconnect(0)
	if err := done(office.Subscribe("fleet/"+servers.Fleet+"/shipments/+", 1, func(_ mqtt.Client, m mqtt.Message) {
		t := told{at: time.Now()}
		if json.Unmarshal(m.Payload(), &t) == nil {
			heard <- t
		}
	})); err != nil {
		return err
	}
	phones := make([]mqtt.Client, statusDrivers)
	for i := range phones {
		if phones[i], err = dial(s, "driver", fmt.Sprint("d", i)); err != nil {
			return err
		}
		defer phones[i].Disconnect(0)
	}
	sent := map[string]time.Time{}
	before, tick := s.CPU(), time.NewTicker(time.Second/statusRate)
	defer tick.Stop()
	rounds := int(b.length.Seconds()) * statusRate / statusDrivers
	for n := range rounds * statusDrivers {
		i, round := n%statusDrivers, n/statusDrivers
		<-tick.C
		sent[told{ID: fmt.Sprint("s", i), Version: int64(6 + round)}.key()] = time.Now()
		phones[i].Publish(fmt.Sprintf("fleet/%s/drivers/d%d/shipments/s%d/status", servers.Fleet, i, i), 1, false,
			fmt.Sprintf(`{"status":%q}`, []string{"arrived", "in_transit"}[round%2]))
	}
	var took []time.Duration
	for over := time.After(statusPatience); len(took) < len(sent); {
		select {
		case t := <-heard:
			if at, ok := sent[t.key()]; ok {
				took = append(took, t.at.Sub(at))
			}
		case <-over:
			return fmt.Errorf("%d of %d statuses were heard of", len(took), len(sent))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	slices.Sort(took)
	b.report.addMillis(name, statusP50, took[len(took)/2])
	b.report.addMillis(name, statusP99, took[len(took)*99/100])
	b.report.add(name, cpuLoad, "s", (s.CPU() - before).Seconds())
	return nil
}

// underWay gives each driver a shipment that is in transit.
func underWay(ctx context.Context, s *servers.Server) error {
	token, err := s.Token("admin", "boss")
	if err != nil {
		return err
	}
	post := func(path string, body any) error {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.HTTP+"/api/v1/"+path, bytes.NewReader(data))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode > 299 {
			return fmt.Errorf("%s: %s", path, res.Status)
		}
		return nil
	}
	type object map[string]string
	for i := range statusDrivers {
		driver, shipment := fmt.Sprint("d", i), fmt.Sprint("s", i)
		err := errors.Join(post("drivers", object{"id": driver}), post("shipments", object{"id": shipment}),
			post("shipments/"+shipment+"/assign", object{"driver": driver}))
		for _, status := range []string{"accepted", "picked_up", "in_transit"} {
			err = errors.Join(err, post("shipments/"+shipment+"/status", object{"status": status}))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func dial(s *servers.Server, role, subject string) (mqtt.Client, error) {
	token, err := s.Token(role, subject)
	if err != nil {
		return nil, err
	}
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + s.MQTT).SetClientID(subject).SetUsername(subject).SetPassword(token))
	return c, done(c.Connect())
}

// done waits for t.
func done(t mqtt.Token) error {
	if !t.WaitTimeout(statusPatience) {
		return errors.New("no answer")
	}
	return t.Error()
}
