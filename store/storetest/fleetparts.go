package storetest

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/fleet"
)

var deviceTests = map[string]func(*testing.T, Store){
	"are created, changed, given a secret and deleted": func(t *testing.T, s Store) {
		d, err := s.CreateDevice(t.Context(), office, fleet.Device{Fleet: "acme", ID: "t1", Kind: fleet.DeviceTeltonika, Driver: "d1", Name: "Truck 7"})
		ok(t, err)
		_, err = s.CreateDevice(t.Context(), office, d)
		wantErr(t, "again", err, fleet.ErrConflict)
		_, err = s.CreateDevice(t.Context(), office, fleet.Device{Fleet: "acme", ID: "t2", Kind: "toaster"})
		wantInvalid(t, "of no kind", err)
		ok(t, s.SetDeviceSecret(t.Context(), office, "acme", "t1", []byte{0, 1, 2}, at(5)))
		d.SecretHash, d.SecretAt = []byte{0, 1, 2}, at(5)
		d.Driver, d.Disabled = "", true
		ok(t, s.UpdateDevice(t.Context(), office, d))
		got, err := s.Device(t.Context(), "acme", "t1")
		ok(t, err)
		equal(t, "read", got, d)
		list, err := s.Devices(t.Context(), "acme", "", 10)
		ok(t, err)
		equal(t, "list", list, []fleet.Device{d})
		_, err = s.Device(t.Context(), "other", "t1")
		wantErr(t, "from another fleet", err, fleet.ErrNotFound)
		ok(t, s.DeleteDevice(t.Context(), office, "acme", "t1"))
		wantErr(t, "deleted again", s.DeleteDevice(t.Context(), office, "acme", "t1"), fleet.ErrNotFound)
		wantErr(t, "secret of none", s.SetDeviceSecret(t.Context(), office, "acme", "t1", nil, at(0)), fleet.ErrNotFound)
	},
}

var fleetTests = map[string]func(*testing.T, Store){
	"have a time zone": func(t *testing.T, s Store) {
		for _, id := range []string{"acme", "beta"} {
			_, err := s.EnsureFleet(t.Context(), id)
			ok(t, err)
		}
		f, err := s.Fleet(t.Context(), "acme")
		ok(t, err)
		equal(t, "zone before", f.TimeZone, "")
		f.TimeZone = "Europe/Berlin"
		ok(t, s.UpdateFleet(t.Context(), office, f))
		got, err := s.Fleet(t.Context(), "acme")
		ok(t, err)
		equal(t, "read", got, f)
		all, err := s.Fleets(t.Context(), "", 10)
		ok(t, err)
		equal(t, "zones of all", []string{all[0].TimeZone, all[1].TimeZone}, []string{"Europe/Berlin", ""})
		f.TimeZone = "Mars/Olympus"
		wantInvalid(t, "zone", s.UpdateFleet(t.Context(), office, f))
		_, err = s.Fleet(t.Context(), "gamma")
		wantErr(t, "unknown", err, fleet.ErrNotFound)
		wantErr(t, "change of unknown", s.UpdateFleet(t.Context(), office, fleet.Fleet{ID: "gamma"}), fleet.ErrNotFound)
	},
}

var webhookTests = map[string]func(*testing.T, Store){
	"begin at the newest event": func(t *testing.T, s Store) {
		shipment(t, s, "s1")
		all := feed(t, s)
		w, err := s.CreateWebhook(t.Context(), fleet.Webhook{Fleet: "acme", URL: "https://example.com/x", Kinds: []string{"shipment"}})
		ok(t, err)
		equal(t, "cursor", w.Cursor, all[len(all)-1].Cursor)
		if len(w.Secret) < 20 || !fleet.ValidID(w.ID) {
			t.Errorf("secret %q, id %q", w.Secret, w.ID)
		}
		got, err := s.Webhook(t.Context(), "acme", w.ID)
		ok(t, err)
		equal(t, "read", got, w)
		due, err := s.DueWebhooks(t.Context(), time.Now(), 10)
		ok(t, err)
		equal(t, "due", len(due), 0)
		shipment(t, s, "s2")
		feed(t, s)
		due, err = s.DueWebhooks(t.Context(), time.Now(), 10)
		ok(t, err)
		equal(t, "due after a change", due, []fleet.Webhook{w})
	},
	"remember how far they are, unless they are replayed": func(t *testing.T, s Store) {
		w, err := s.CreateWebhook(t.Context(), fleet.Webhook{Fleet: "acme", URL: "http://example.com/"})
		ok(t, err)
		shipment(t, s, "s1")
		events := feed(t, s)
		from := w.Cursor
		w.Failures, w.RetryAt, w.LastError = 1, time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond), "status 500"
		ok(t, s.SaveDelivery(t.Context(), w, from, nil))
		got, err := s.Webhook(t.Context(), "acme", w.ID)
		ok(t, err)
		equal(t, "after a failure", got, w)
		due, err := s.DueWebhooks(t.Context(), time.Now(), 10)
		ok(t, err)
		equal(t, "due while it waits", len(due), 0)
		w.Cursor, w.Failures, w.RetryAt = events[0].Cursor, 0, time.Time{}
		letter := &fleet.DeadLetter{ID: "w", Fleet: "acme", Topic: "webhooks/" + w.ID, Field: "url", Reason: "status 500", ReceivedAt: at(0), Payload: []byte("{}")}
		ok(t, s.SaveDelivery(t.Context(), w, from, letter))
		_, err = s.DeadLetter(t.Context(), "acme", "w")
		ok(t, err)
		ok(t, s.ReplayWebhook(t.Context(), "acme", w.ID, 0))
		was := w.Cursor
		w.Cursor = events[1].Cursor
		ok(t, s.SaveDelivery(t.Context(), w, was, nil))
		got, err = s.Webhook(t.Context(), "acme", w.ID)
		ok(t, err)
		equal(t, "cursor", got.Cursor, int64(0))
	},
	"are listed, changed and deleted": func(t *testing.T, s Store) {
		for _, bad := range []string{"", "ftp://x/", "https://user:pw@x/", "https:///x", "x", "\x00"} {
			_, err := s.CreateWebhook(t.Context(), fleet.Webhook{Fleet: "acme", URL: bad})
			wantInvalid(t, bad, err)
		}
		w, err := s.CreateWebhook(t.Context(), fleet.Webhook{Fleet: "acme", ID: "w1", URL: "https://example.com/"})
		ok(t, err)
		w.URL, w.Disabled, w.Kinds = "https://example.org/", true, []string{"alert", "shipment.delivered"}
		ok(t, s.UpdateWebhook(t.Context(), w))
		list, err := s.Webhooks(t.Context(), "acme", "", 10)
		ok(t, err)
		equal(t, "list", list, []fleet.Webhook{w})
		shipment(t, s, "s1")
		feed(t, s)
		due, err := s.DueWebhooks(t.Context(), time.Now(), 10)
		ok(t, err)
		equal(t, "due", len(due), 0)
		ok(t, s.DeleteWebhook(t.Context(), "acme", "w1"))
		wantErr(t, "deleted again", s.DeleteWebhook(t.Context(), "acme", "w1"), fleet.ErrNotFound)
		wantErr(t, "replay of none", s.ReplayWebhook(t.Context(), "acme", "w1", 0), fleet.ErrNotFound)
	},
}

var alertTests = map[string]func(*testing.T, Store){
	"are open once of a kind, driver and subject": func(t *testing.T, s Store) {
		silent := fleet.Alert{Fleet: "acme", Kind: "silent", Driver: "d1", Severity: fleet.SeverityWarning, Detail: "10 min"}
		first, opened, err := s.OpenAlert(t.Context(), silent)
		ok(t, err)
		again, openedAgain, err := s.OpenAlert(t.Context(), silent)
		ok(t, err)
		equal(t, "opened", []bool{opened, openedAgain}, []bool{true, false})
		equal(t, "again", again, first)
		other := silent
		other.Subject = "s1"
		_, opened, err = s.OpenAlert(t.Context(), other)
		ok(t, err)
		equal(t, "about something else", opened, true)
		acked, err := s.AckAlert(t.Context(), office, "acme", first.ID)
		ok(t, err)
		ackedAgain, err := s.AckAlert(t.Context(), driver1, "acme", first.ID)
		ok(t, err)
		equal(t, "acknowledged by", acked.AckedBy, "u1")
		equal(t, "acknowledged again", ackedAgain, acked)
		n, err := s.CloseAlerts(t.Context(), fleet.System, "acme", "silent", "d1")
		ok(t, err)
		equal(t, "closed", n, 2)
		closed, err := s.CloseAlert(t.Context(), office, "acme", first.ID)
		ok(t, err)
		equal(t, "version", closed.Version, int64(3))
		_, opened, err = s.OpenAlert(t.Context(), silent)
		ok(t, err)
		equal(t, "opened anew", opened, true)
		open, err := s.Alerts(t.Context(), fleet.AlertQuery{Fleet: "acme", Kind: "silent", Driver: "d1", Open: true, Limit: 10})
		ok(t, err)
		equal(t, "open", len(open), 1)
		all, err := s.Alerts(t.Context(), fleet.AlertQuery{Fleet: "acme", Limit: 10})
		ok(t, err)
		equal(t, "all", len(all), 3)
		got, err := s.Alert(t.Context(), "acme", first.ID)
		ok(t, err)
		equal(t, "read", got, closed)
	},
	"open and close by themselves": testSweep,
	"of the wrong shape or unknown are refused": func(t *testing.T, s Store) {
		_, _, err := s.OpenAlert(t.Context(), fleet.Alert{Fleet: "acme", Kind: "a/b", Severity: fleet.SeverityInfo})
		wantInvalid(t, "kind", err)
		_, _, err = s.OpenAlert(t.Context(), fleet.Alert{Fleet: "acme", Kind: "silent", Severity: "terrible"})
		wantInvalid(t, "severity", err)
		_, err = s.AckAlert(t.Context(), office, "acme", "none")
		wantErr(t, "unknown", err, fleet.ErrNotFound)
	},
}

var geofenceTests = map[string]func(*testing.T, Store){
	"are created, changed and deleted": func(t *testing.T, s Store) {
		g, err := s.CreateGeofence(t.Context(), office, fleet.Geofence{Fleet: "acme", Name: "Yard", Polygon: []fleet.Point{{Lat: 1, Lon: 2}, {Lat: 1, Lon: 3}, {Lat: 2, Lon: 3}}})
		ok(t, err)
		got, err := s.Geofence(t.Context(), "acme", g.ID)
		ok(t, err)
		equal(t, "read", got, g)
		g.Polygon, g.Circle = nil, &fleet.Circle{Center: fleet.Point{Lat: 59, Lon: 18}, Radius: 100}
		ok(t, s.UpdateGeofence(t.Context(), office, g))
		list, err := s.Geofences(t.Context(), "acme", "", 10)
		ok(t, err)
		g.UpdatedAt = list[0].UpdatedAt
		equal(t, "list", list, []fleet.Geofence{g})
		ok(t, s.DeleteGeofence(t.Context(), office, "acme", g.ID))
		wantErr(t, "deleted again", s.DeleteGeofence(t.Context(), office, "acme", g.ID), fleet.ErrNotFound)
	},
	"have a version that grows with every change": func(t *testing.T, s Store) {
		read := func(known int64) (n int, version int64) {
			all, version, err := s.AllGeofences(t.Context(), known)
			ok(t, err)
			return len(all), version
		}
		_, was := read(0)
		for i, change := range []func() error{
			func() error { _, err := s.CreateGeofence(t.Context(), office, circle("acme", "g1")); return err },
			func() error { _, err := s.CreateGeofence(t.Context(), office, circle("other", "g1")); return err },
			func() error { return s.UpdateGeofence(t.Context(), office, circle("acme", "g1")) },
			func() error { return s.DeleteGeofence(t.Context(), office, "acme", "g1") },
		} {
			ok(t, change())
			n, version := read(was)
			if n == 0 || version <= was {
				t.Errorf("change %d: %d geofences of version %d after %d", i, n, version, was)
			}
			was = version
			n, _ = read(was)
			equal(t, "read again", n, 0)
		}
	},
	"tell who comes and goes, once": func(t *testing.T, s Store) {
		_, err := s.CreateGeofence(t.Context(), office, circle("acme", "g1"))
		ok(t, err)
		for _, driver := range []string{"d1", "d2"} {
			in := sighting(driver, 10, "g1")
			see(t, s, sighting(driver, 0), in)
			see(t, s, in)
			see(t, s, sighting(driver, 5))
			see(t, s, sighting(driver, 400, "g1"), sighting(driver, 410))
			see(t, s, sighting(driver, 420, "deleted"), sighting(driver, 430))
		}
		var got []string
		for _, e := range feed(t, s, "geofence.entered", "geofence.left", "geofence.dwelled") {
			equal(t, "of", []string{e.Fleet, e.ID}, []string{"acme", "g1"})
			got = append(got, e.Actor+" "+e.Kind)
		}
		equal(t, "events", got, []string{"d1 geofence.entered", "d1 geofence.dwelled", "d1 geofence.left",
			"d2 geofence.entered", "d2 geofence.dwelled", "d2 geofence.left"})
		sameJSON(t, "entered", feed(t, s, "geofence.entered")[0].Data, `{"event":"entered","driver":"d1","at":"`+fleet.Timestamp(at(10))+`"}`)
	},
	"tell once what many writers see": func(t *testing.T, s Store) {
		_, err := s.CreateGeofence(t.Context(), office, circle("acme", "g1"))
		ok(t, err)
		var writers errgroup.Group
		for range 4 {
			writers.Go(func() error {
				for i := range 10 {
					b := &fleet.Batch{Sightings: []fleet.Sighting{sighting("d1", float64(20*i), "g1"), sighting("d2", float64(20*i), "g1"), sighting("d1", float64(20*i+10))}}
					if _, err := s.SaveBatch(t.Context(), b); err != nil {
						return err
					}
				}
				return nil
			})
		}
		ok(t, writers.Wait())
		equal(t, "entered, left, dwelled", []int{len(feed(t, s, "geofence.entered")), len(feed(t, s, "geofence.left")), len(feed(t, s, "geofence.dwelled"))}, []int{11, 10, 0})
	},
}

func circle(fleetID, id string) fleet.Geofence {
	return fleet.Geofence{Fleet: fleetID, ID: id, Circle: &fleet.Circle{Center: fleet.Point{Lat: 59, Lon: 18}, Radius: 100}}
}

func sighting(driver string, s float64, inside ...string) fleet.Sighting {
	return fleet.Sighting{Fleet: "acme", Driver: driver, At: at(s), Inside: inside}
}

func see(t *testing.T, s Store, sightings ...fleet.Sighting) {
	t.Helper()
	save(t, s, &fleet.Batch{Sightings: sightings})
}

var commandTests = map[string]func(*testing.T, Store){
	"are sent and listed, the newest first": func(t *testing.T, s Store) {
		one, err := s.CreateCommand(t.Context(), fleet.Command{Fleet: "acme", Driver: "d1", Action: "locate", Actor: "u1"})
		ok(t, err)
		two, err := s.CreateCommand(t.Context(), fleet.Command{Fleet: "acme", Driver: "d1", Action: "message", Text: "<b>Hej</b>", Actor: "u1"})
		ok(t, err)
		_, err = s.CreateCommand(t.Context(), fleet.Command{Fleet: "acme", Driver: "d1", Action: "no word"})
		wantInvalid(t, "action", err)
		list, err := s.Commands(t.Context(), "acme", "d1", 10)
		ok(t, err)
		equal(t, "list", list, []fleet.Command{two, one})
		sent := feed(t, s, "command")
		equal(t, "sent", len(sent), 2)
		sameJSON(t, "message", sent[1].Data, encoded(t, two))
	},
	"wait for a receipt until their deadline": func(t *testing.T, s Store) {
		start := time.Now().UTC().Truncate(time.Second)
		make := func(id, driver string, minutes int) fleet.Command {
			c, err := s.CreateCommand(t.Context(), fleet.Command{Fleet: "acme", ID: id, Driver: driver, Action: "locate", Actor: "u1", Deadline: start.Add(time.Duration(minutes) * time.Minute)})
			ok(t, err)
			return c
		}
		c1, c2 := make("c1", "d1", 5), make("c2", "d1", 10)
		make("c3", "d2", 10)
		pending := func(minutes int, want ...fleet.Command) {
			t.Helper()
			got, err := s.PendingCommands(t.Context(), "acme", "d1", start.Add(time.Duration(minutes)*time.Minute))
			ok(t, err)
			equal(t, fmt.Sprint("pending after ", minutes), got, want)
		}
		pending(0, c1, c2)
		pending(6, c2)
		receive := func(id string, by fleet.Actor, state fleet.CommandState) (fleet.Command, error) {
			return s.SaveCommandReceipt(t.Context(), "acme", id, by, fleet.CommandReceipt{State: state, At: start})
		}
		_, err := receive("c2", fleet.Actor{Subject: "d2", Driver: "d2"}, fleet.CommandSeen)
		wantErr(t, "by another driver", err, fleet.ErrNotAssigned)
		_, err = receive("c2", driver1, fleet.CommandExpired)
		wantInvalid(t, "no receipt", err)
		_, err = receive("c9", driver1, fleet.CommandSeen)
		wantErr(t, "of none", err, fleet.ErrNotFound)
		for _, state := range []fleet.CommandState{fleet.CommandSeen, fleet.CommandReceived, fleet.CommandSeen, fleet.CommandDone} {
			_, err := receive("c2", driver1, state)
			ok(t, err)
		}
		c2.State = fleet.CommandDone
		c2.Receipts = []fleet.CommandReceipt{{State: fleet.CommandSeen, At: start}, {State: fleet.CommandReceived, At: start}, {State: fleet.CommandDone, At: start}}
		got, err := s.Command(t.Context(), "acme", "c2")
		ok(t, err)
		equal(t, "after receipts", got, c2)
		n, err := s.ExpireCommands(t.Context(), start.Add(7*time.Minute))
		ok(t, err)
		equal(t, "expired", n, 1)
		letter := fleet.DeadLetter{ID: "l1", Fleet: "acme", Driver: "d1", Topic: "x", ReceivedAt: start}
		saved := save(t, s, &fleet.Batch{Dispatch: []fleet.DispatchReport{
			{ID: "c1", Actor: "d1", Command: &fleet.CommandReceipt{State: fleet.CommandReceived}, Letter: letter},
			{ID: "c3", Actor: "d1", Command: &fleet.CommandReceipt{State: fleet.CommandReceived}, Letter: letter},
		}})
		equal(t, "refused", saved.Refused, 1)
		var told []string
		for _, e := range feed(t, s, "command") {
			told = append(told, e.Kind+" "+e.ID+" "+e.Actor)
		}
		equal(t, "told", told, []string{"command.sent c1 u1", "command.sent c2 u1", "command.sent c3 u1", "command.seen c2 d1", "command.updated c2 d1",
			"command.done c2 d1", "command.expired c1 system", "command.received c1 d1"})
	},
	"the configuration of a driver is the last that was set": func(t *testing.T, s Store) {
		_, err := s.DriverConfig(t.Context(), "acme", "d1")
		wantErr(t, "before", err, fleet.ErrNotFound)
		for _, c := range []fleet.DriverConfig{{Interval: time.Minute}, {Interval: 5 * time.Second, Distance: 12.5}} {
			ok(t, s.SetDriverConfig(t.Context(), office, "acme", "d1", c))
			got, err := s.DriverConfig(t.Context(), "acme", "d1")
			ok(t, err)
			equal(t, "config", got, c)
		}
		wantInvalid(t, "too often", s.SetDriverConfig(t.Context(), office, "acme", "d1", fleet.DriverConfig{Interval: time.Millisecond}))
		ok(t, s.DeleteDriverConfig(t.Context(), office, "acme", "d1"))
		ok(t, s.DeleteDriverConfig(t.Context(), office, "acme", "d1"))
		_, err = s.DriverConfig(t.Context(), "acme", "d1")
		wantErr(t, "deleted", err, fleet.ErrNotFound)
		told := feed(t, s, "driver.config")
		equal(t, "told", len(told), 3)
		sameJSON(t, "set", told[1].Data, `{"interval_s":5,"distance_m":12.5}`)
		sameJSON(t, "deleted", told[2].Data, `{"interval_s":null,"distance_m":null}`)
	},
}

var accountTests = map[string]func(*testing.T, Store){
	"are changed": func(t *testing.T, s Store) {
		u := user("u1")
		ok(t, s.CreateUser(t.Context(), u))
		ok(t, s.CreateUser(t.Context(), user("u2")))
		u.Name, u.Role = "New name", fleet.RoleAdmin
		ok(t, s.UpdateUser(t.Context(), u))
		got, err := s.User(t.Context(), "acme", "u1")
		ok(t, err)
		equal(t, "read", got, u)
		u.Name = "Name of u2"
		wantErr(t, "to a name that is taken", s.UpdateUser(t.Context(), u), fleet.ErrConflict)
		u.ID = "nobody"
		wantErr(t, "unknown", s.UpdateUser(t.Context(), u), fleet.ErrNotFound)
	},
	"disabled or deleted have no tokens": func(t *testing.T, s Store) {
		for _, end := range []func(u fleet.User) error{
			func(u fleet.User) error { u.Disabled = true; return s.UpdateUser(t.Context(), u) },
			func(u fleet.User) error { return s.DeleteUser(t.Context(), u.Fleet, u.ID) },
		} {
			u := user("u1")
			if _, err := s.User(t.Context(), "acme", "u1"); err != nil {
				ok(t, s.CreateUser(t.Context(), u))
			}
			hash := []byte(time.Now().String())
			ok(t, s.SaveRefreshToken(t.Context(), fleet.RefreshToken{Hash: hash, Family: string(hash), Fleet: "acme", User: "u1", ExpiresAt: later()}))
			ok(t, end(u))
			_, err := s.SpendRefreshToken(t.Context(), hash, time.Now())
			wantErr(t, "its token", err, fleet.ErrNotFound)
		}
		wantErr(t, "deleted again", s.DeleteUser(t.Context(), "acme", "u1"), fleet.ErrNotFound)
	},
}
