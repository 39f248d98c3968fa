package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// call sends JSON, or nothing for an empty body, and decodes a success into v.
func (p *process) call(method, path, token, body string, v any, header ...string) *http.Response {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.HTTP+"/api/v1"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if v != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(data, v); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
	return resp
}

// want is call that must be answered with a status.
func (p *process) want(status int, method, path, token, body string, v any, header ...string) *http.Response {
	p.t.Helper()
	resp := p.call(method, path, token, body, v, header...)
	if resp.StatusCode != status {
		p.t.Fatalf("%s %s %s = %d, want %d", method, path, body, resp.StatusCode, status)
	}
	return resp
}

// TestTwoAPIs dispatches through two API processes in turn: what one has done is
// what the other knows, also when one of them is killed.
func TestTwoAPIs(t *testing.T) {
	c := startCluster(t)
	admin, dispo, driver := c.api1.token("admin", "boss"), c.api1.token("dispatcher", "u1"), c.api1.token("driver", "d1")
	watch := c.join(c.b, "u1", dispo, "fleet/acme/shipments/+", "fleet/acme/assignments/+")
	phone := c.join(c.a, "d1:phone", driver, "fleet/acme/drivers/d1/#")
	c.api1.until(10*time.Second, "d1 in REST", func() bool { return c.presence(c.api2, admin, "d1") == "online" })

	// One key is one shipment, whichever API hears it.
	type thing struct{ ID, State, Status string }
	var made, again thing
	const order = `{"reference":"R1"}`
	etag := c.api1.want(201, "POST", "/shipments", dispo, order, &made, "Idempotency-Key", "order-1").Header.Get("ETag")
	replay := c.api2.want(201, "POST", "/shipments", dispo, order, &again, "Idempotency-Key", "order-1")
	if again.ID != made.ID || replay.Header.Get("ETag") != etag {
		t.Errorf("the other API made %+v with ETag %s of the key for %+v with %s", again, replay.Header.Get("ETag"), made, etag)
	}
	c.api2.want(422, "POST", "/shipments", dispo, `{"reference":"R2"}`, nil, "Idempotency-Key", "order-1")
	var racing sync.WaitGroup
	codes := make([]int, 6)
	for i := range codes {
		racing.Go(func() {
			p := []*process{c.api1, c.api2}[i%2]
			codes[i] = p.call("POST", "/shipments", dispo, `{"reference":"race"}`, nil, "Idempotency-Key", "order-2").StatusCode
		})
	}
	racing.Wait()
	var list struct{ Items []thing }
	c.api2.get("/shipments?text=race", admin, &list)
	if len(list.Items) != 1 || !slices.Contains(codes, 201) {
		t.Errorf("six requests with one key made %d shipments, answered %v", len(list.Items), codes)
	}

	// The offer of one API is answered on MQTT and to the other API.
	path := "/shipments/" + made.ID
	var offer thing
	c.api1.want(201, "POST", path+"/assign", dispo, `{"driver":"d1"}`, &offer, "If-Match", etag)
	c.api2.want(412, "PATCH", path, dispo, `{"note":"late"}`, nil, "If-Match", etag)
	phone.expect("the offer", nil, says("fleet/acme/drivers/d1/assignments", "id", offer.ID))
	phone.publish("fleet/acme/drivers/d1/assignments/"+offer.ID+"/receipt", `{"state":"seen"}`)
	watch.expect("seen", nil, says("fleet/acme/assignments/"+offer.ID, "state", "seen"))
	for _, p := range []*process{c.api2, c.api1} { // twice is once
		p.want(200, "POST", "/assignments/"+offer.ID+"/receipt", driver, `{"state":"accepted"}`, nil)
	}
	phone.publish("fleet/acme/drivers/d1/assignments/"+offer.ID+"/receipt", `{"state":"received"}`) // out of order
	watch.expect("the acceptance", nil, says("fleet/acme/shipments/"+made.ID, "status", "accepted"))
	for _, p := range []*process{c.api1, c.api2} {
		p.until(10*time.Second, "three receipts", func() bool {
			var a struct {
				State    string
				Receipts []struct{ State string }
			}
			p.get("/assignments/"+offer.ID, admin, &a)
			return a.State == "accepted" && len(a.Receipts) == 3
		})
	}

	// A long poll at one hears what is done at the other.
	var feed struct {
		Next  string
		Items []struct{ Kind string }
	}
	c.api2.get("/events?after=latest", admin, &feed)
	heard := make(chan int, 1)
	go func() { heard <- c.api2.get("/events?wait=30s&kind=shipment&after="+feed.Next, admin, &feed) }()
	c.api1.want(200, "POST", path+"/status", driver, `{"status":"picked_up"}`, nil)
	if got := <-heard; got != 200 || len(feed.Items) == 0 || feed.Items[0].Kind != "shipment.picked_up" {
		t.Errorf("the long poll at the other API = %d %+v", got, feed.Items)
	}

	// One is killed; the other knows it all, and so does a new one.
	c.api1.kill()
	c.api2.want(200, "POST", path+"/status", driver, `{"status":"in_transit"}`, nil)
	watch.expect("the move after the kill", nil, says("fleet/acme/shipments/"+made.ID, "status", "in_transit"))
	api1 := startRole(t, "api", c.api1.dir, c.api1.env...)
	for _, p := range []*process{c.api2, api1} {
		again = thing{}
		if p.want(201, "POST", "/shipments", dispo, order, &again, "Idempotency-Key", "order-1"); again.ID != made.ID {
			t.Errorf("after the kill the key makes %+v", again)
		}
	}

	// A session begun at one goes on at the other, and its end is the end at both.
	const password = "correct horse battery"
	api1.want(201, "POST", "/users", admin, `{"name":"dana","role":"dispatcher","password":"`+password+`"}`, nil)
	type session struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	var s session
	c.api2.want(200, "POST", "/login", "", `{"fleet":"acme","user":"dana","password":"`+password+`"}`, &s)
	api1.want(200, "POST", "/token/refresh", "", `{"refresh_token":"`+s.Refresh+`"}`, &s)
	c.api2.want(200, "GET", "/shipments", s.Access, "", nil)
	c.api2.want(204, "POST", "/logout", s.Access, `{"refresh_token":"`+s.Refresh+`"}`, nil)
	api1.want(401, "POST", "/token/refresh", "", `{"refresh_token":"`+s.Refresh+`"}`, nil)
	api1.until(5*time.Second, "the access token refused", func() bool { return api1.get("/shipments", s.Access, nil) == 401 })
}
