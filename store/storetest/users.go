package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

func user(id string) fleet.User {
	return fleet.User{Fleet: "acme", ID: id, Name: "Name of " + id, Role: fleet.RoleDispatcher, PasswordHash: "hash", CreatedAt: noon}
}

var userTests = map[string]func(*testing.T, Store){
	"are read by id and by name": func(t *testing.T, s Store) {
		odd := user("u2")
		odd.Name, odd.Disabled, odd.Role = `O'Neil "x" <b>`, true, fleet.RoleAdmin
		ok(t, s.CreateUser(t.Context(), user("u1")))
		ok(t, s.CreateUser(t.Context(), odd))
		got, err := s.User(t.Context(), "acme", "u2")
		ok(t, err)
		equal(t, "by id", got, odd)
		got, err = s.UserByName(t.Context(), "acme", odd.Name)
		ok(t, err)
		equal(t, "by name", got, odd)
		list, err := s.Users(t.Context(), "acme", "", 10)
		ok(t, err)
		equal(t, "all", list, []fleet.User{user("u1"), odd})
		list, err = s.Users(t.Context(), "acme", "u1", 10)
		ok(t, err)
		equal(t, "after u1", list, []fleet.User{odd})
		_, err = s.UserByName(t.Context(), "other", odd.Name)
		wantErr(t, "in another fleet", err, fleet.ErrNotFound)
		_, err = s.UserByName(t.Context(), "acme", "a\x00\xff")
		wantErr(t, "a name that nobody can have", err, fleet.ErrNotFound)
		_, err = s.User(t.Context(), "acme", "u9")
		wantErr(t, "unknown", err, fleet.ErrNotFound)
	},
	"a name is taken once in a fleet": func(t *testing.T, s Store) {
		ok(t, s.CreateUser(t.Context(), user("u1")))
		same := user("u2")
		same.Name = user("u1").Name
		wantErr(t, "same name", s.CreateUser(t.Context(), same), fleet.ErrConflict)
		wantErr(t, "same id", s.CreateUser(t.Context(), user("u1")), fleet.ErrConflict)
		same.Fleet = "other"
		ok(t, s.CreateUser(t.Context(), same))
		same.Name, same.ID = "a\x00", "u3"
		wantInvalid(t, "NUL", s.CreateUser(t.Context(), same))
	},
	"a new password ends the refresh tokens": func(t *testing.T, s Store) {
		ok(t, s.CreateUser(t.Context(), user("u1")))
		ok(t, s.SaveRefreshToken(t.Context(), token("a", "f1")))
		ok(t, s.SetPassword(t.Context(), "acme", "u1", "new"))
		u, err := s.User(t.Context(), "acme", "u1")
		ok(t, err)
		equal(t, "hash", u.PasswordHash, "new")
		_, err = s.SpendRefreshToken(t.Context(), []byte("a"), time.Now())
		wantErr(t, "spend", err, fleet.ErrNotFound)
		wantErr(t, "unknown user", s.SetPassword(t.Context(), "acme", "u9", "x"), fleet.ErrNotFound)
	},
	"audit entries are read in order": func(t *testing.T, s Store) {
		e := fleet.AuditEntry{At: noon, Fleet: "acme", Actor: "u1", Action: "update", Entity: "driver", EntityID: "d1",
			Before: json.RawMessage(`{"name":"a"}`), After: json.RawMessage(`{"name": "<b>"}`), Address: "192.0.2.1"}
		ok(t, s.Audit(t.Context(), e))
		e.Before = nil
		ok(t, s.Audit(t.Context(), e))
		e.Fleet = "other"
		ok(t, s.Audit(t.Context(), e))
		e.Fleet = "acme"
		list, err := s.AuditLog(t.Context(), "acme", 0, 10)
		ok(t, err)
		if len(list) != 2 || list[0].ID >= list[1].ID {
			t.Fatalf("entries %v", list)
		}
		e.ID = list[1].ID
		equal(t, "second", list[1], e)
		equal(t, "first's before", string(list[0].Before), `{"name":"a"}`)
		list, err = s.AuditLog(t.Context(), "acme", list[0].ID, 10)
		ok(t, err)
		equal(t, "after the first", len(list), 1)
	},
}

func token(hash, family string) fleet.RefreshToken {
	return fleet.RefreshToken{Hash: []byte(hash), Family: family, Fleet: "acme", User: "u1", ExpiresAt: time.Now().Add(time.Hour).Truncate(time.Second).UTC()}
}

var tokenTests = map[string]func(*testing.T, Store){
	"a refresh token is spent once; using it again ends its family": func(t *testing.T, s Store) {
		for _, tok := range []fleet.RefreshToken{token("a", "f1"), token("b", "f1"), token("c", "f2")} {
			ok(t, s.SaveRefreshToken(t.Context(), tok))
		}
		now := time.Now().Truncate(time.Millisecond).UTC()
		want := token("a", "f1")
		got, err := s.SpendRefreshToken(t.Context(), want.Hash, now)
		ok(t, err)
		want.ExpiresAt, want.SpentAt = got.ExpiresAt, now
		equal(t, "spent", got, want)
		_, err = s.SpendRefreshToken(t.Context(), want.Hash, now)
		wantErr(t, "again", err, fleet.ErrConflict)
		_, err = s.SpendRefreshToken(t.Context(), []byte("b"), now)
		wantErr(t, "of the same family", err, fleet.ErrNotFound)
		ok(t, s.SaveRefreshToken(t.Context(), token("d", "f1")))
		_, err = s.SpendRefreshToken(t.Context(), []byte("d"), now)
		wantErr(t, "saved into the family afterwards", err, fleet.ErrNotFound)
		_, err = s.SpendRefreshToken(t.Context(), []byte("c"), now)
		ok(t, err)
	},
	"an unknown, expired or revoked one is not found": func(t *testing.T, s Store) {
		ok(t, s.SaveRefreshToken(t.Context(), token("a", "f1")))
		ok(t, s.SaveRefreshToken(t.Context(), token("b", "f2")))
		ok(t, s.RevokeFamily(t.Context(), "f2"))
		for hash, now := range map[string]time.Time{"x": time.Now(), "a": time.Now().Add(2 * time.Hour), "b": time.Now()} {
			_, err := s.SpendRefreshToken(t.Context(), []byte(hash), now)
			wantErr(t, hash, err, fleet.ErrNotFound)
		}
		wantErr(t, "the same hash", s.SaveRefreshToken(t.Context(), token("a", "f3")), fleet.ErrConflict)
	},
	"of many that spend at once, one wins": func(t *testing.T, s Store) {
		ok(t, s.SaveRefreshToken(t.Context(), token("a", "f1")))
		var wg sync.WaitGroup
		errs := make([]error, 10)
		for i := range errs {
			wg.Go(func() { _, errs[i] = s.SpendRefreshToken(t.Context(), []byte("a"), time.Now()) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, fleet.ErrConflict):
				t.Errorf("a loser: error %v, want %v", err, fleet.ErrConflict)
			}
		}
		equal(t, "winners", won, 1)
	},
	"revocations are listed while in force": func(t *testing.T, s Store) {
		soon := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
		one := fleet.Revocation{Fleet: "acme", JTI: "j1", ExpiresAt: soon}
		all := fleet.Revocation{Fleet: "acme", Subject: "d1", Before: noon, ExpiresAt: soon}
		ok(t, s.Revoke(t.Context(), one))
		ok(t, s.Revoke(t.Context(), fleet.Revocation{Fleet: "acme", JTI: "past", ExpiresAt: noon}))
		ok(t, s.Revoke(t.Context(), all))
		list, err := s.Revocations(t.Context(), 0)
		ok(t, err)
		if len(list) != 2 {
			t.Fatalf("revocations %v", list)
		}
		one.ID, all.ID = list[0].ID, list[1].ID
		equal(t, "revocations", list, []fleet.Revocation{one, all})
		list, err = s.Revocations(t.Context(), one.ID)
		ok(t, err)
		equal(t, "after the first", list, []fleet.Revocation{all})
	},
}

var letterTests = map[string]func(*testing.T, Store){
	"are kept once, whatever is in them": func(t *testing.T, s Store) {
		d := fleet.DeadLetter{ID: "s-1-7", Fleet: "acme", Driver: "d1", Topic: "fleet/acme/drivers/d1/location", Field: "lat",
			Reason: "must be between -90 and 90", ReceivedAt: noon, Payload: []byte("{\x00\xff")}
		odd := d
		odd.ID, odd.Topic, odd.Reason, odd.Payload = "s-1-8", "a\x00b", "\xff", bytes.Repeat([]byte("x"), 70<<10)
		empty := d
		empty.ID, empty.Payload = "s-1-9", nil
		for range 2 {
			save(t, s, &fleet.Batch{Dead: []fleet.DeadLetter{d, odd, empty}})
		}
		list, err := s.DeadLetters(t.Context(), "acme", "", 10)
		ok(t, err)
		odd.Topic, odd.Reason, odd.Payload = "a\uFFFDb", "\uFFFD", odd.Payload[:64<<10]
		equal(t, "all", list, []fleet.DeadLetter{d, odd, empty})
		list, err = s.DeadLetters(t.Context(), "acme", "s-1-8", 10)
		ok(t, err)
		equal(t, "after the second", list, []fleet.DeadLetter{empty})
		got, err := s.DeadLetter(t.Context(), "acme", d.ID)
		ok(t, err)
		equal(t, "one", got, d)
		ok(t, s.DeleteDeadLetter(t.Context(), "acme", d.ID))
		wantErr(t, "deleted again", s.DeleteDeadLetter(t.Context(), "acme", d.ID), fleet.ErrNotFound)
		_, err = s.DeadLetter(t.Context(), "other", odd.ID)
		wantErr(t, "from another fleet", err, fleet.ErrNotFound)
	},
	"hold nobody up": func(t *testing.T, s Store) {
		saved := save(t, s, &fleet.Batch{Positions: []fleet.Position{pos(0)}, Dead: []fleet.DeadLetter{{ID: fmt.Sprint(1), Fleet: "acme", ReceivedAt: noon}}})
		equal(t, "saved", saved, fleet.Saved{Positions: 1})
	},
}
