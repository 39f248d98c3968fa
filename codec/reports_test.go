package codec

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/google/go-cmp/cmp"
)

func TestHealth(t *testing.T) {
	got, err := Health([]byte(`{"at":` + noonMS + `,"battery_pct":42,"network":"cellular","permission":"granted","app":"background","queue":7,"os":"x"}`))
	want := fleet.Health{At: noon, Battery: fleet.Some(42), Network: "cellular", Permission: "granted", App: "background", Queue: fleet.Some(7), Ext: []byte(`{"os":"x"}`)}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := Health([]byte(`{}`)); err != nil || !cmp.Equal(got, fleet.Health{}) {
		t.Errorf("Health({}) = %+v, %v", got, err)
	}
	for _, tt := range []struct{ payload, field string }{
		{`[]`, "payload"}, {`{"battery_pct":101}`, "battery_pct"}, {`{"queue":-1}`, "queue"},
		{`{"network":1}`, "network"}, {`{"at":5}`, "at"}, {`{"app":"a","app":"b"}`, "app"},
	} {
		_, err := Health([]byte(tt.payload))
		wantField(t, "Health", tt.payload, err, tt.field)
	}
}

func TestDuty(t *testing.T) {
	for _, tt := range []struct {
		payload string
		duty    fleet.Duty
		at      time.Time
		field   string
	}{
		{`{"state":"on","at":` + noonMS + `}`, fleet.DutyOn, noon, ""},
		{`{"state":"off"}`, fleet.DutyOff, time.Time{}, ""},
		{`{"state":"break","at":null,"why":"lunch"}`, fleet.DutyBreak, time.Time{}, ""},
		{`{"state":"ON"}`, "", time.Time{}, "state"},
		{`{"state":1}`, "", time.Time{}, "state"},
		{`{}`, "", time.Time{}, "state"},
		{`{"state":"on","at":"now"}`, "", time.Time{}, "at"},
		{`{"state":"on","at":1}`, fleet.DutyOn, time.UnixMilli(1).UTC(), "at"},
		{`on`, "", time.Time{}, "payload"},
	} {
		duty, at, err := Duty([]byte(tt.payload))
		if tt.field != "" {
			wantField(t, "Duty", tt.payload, err, tt.field)
		} else if err != nil || duty != tt.duty || !at.Equal(tt.at) {
			t.Errorf("Duty(%s) = %v, %v, %v", tt.payload, duty, at, err)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		payload string
		want    fleet.StatusReport
	}{
		{`{"status":"delivered","at":` + noonMS + `,"note":"left at door","lat":59,"lon":18,"proof":{"name":"Å. Berg","signature":"data:x","photo":null},"version":3,"app":"2.1"}`,
			fleet.StatusReport{Status: fleet.StatusDelivered, At: noon, Note: "left at door", Lat: fleet.Some(59), Lon: fleet.Some(18), Proof: &fleet.Proof{Name: "Å. Berg", Signature: "data:x"}, Version: 3}},
		{`{"status":"picked_up"}`, fleet.StatusReport{Status: fleet.StatusPickedUp}},
		{`{"status":"failed","at":null,"note":null,"lat":null,"lon":null,"proof":null,"version":null}`, fleet.StatusReport{Status: fleet.StatusFailed}},
	} {
		got, err := Status([]byte(tt.payload))
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("Status(%s): %v (-want +got):\n%s", tt.payload, err, diff)
		}
	}
	for _, tt := range []struct{ payload, field string }{
		{`{}`, "status"}, {`{"status":"lost"}`, "status"}, {`{"status":null}`, "status"}, {`{"status":1}`, "status"},
		{`{"status":"failed","lat":1}`, "lat"}, {`{"status":"failed","lat":91,"lon":1}`, "lat"}, {`{"status":"failed","lat":1,"lon":181}`, "lon"},
		{`{"status":"failed","proof":"x"}`, "proof"}, {`{"status":"failed","proof":{"name":1}}`, "proof.name"},
		{`{"status":"failed","version":-1}`, "version"}, {`{"status":"failed","version":1.5}`, "version"},
		{`{"status":"failed","at":1}`, "at"}, {`{"status":"failed","note":"` + strings.Repeat("x", fleet.MaxNote+1) + `"}`, "note"},
		{`[]`, "payload"}, {`{"status":"failed","status":"delivered"}`, "status"},
	} {
		_, err := Status([]byte(tt.payload))
		wantField(t, "Status", tt.payload, err, tt.field)
	}
}

func TestReceipt(t *testing.T) {
	got, err := Receipt([]byte(`{"state":"declined","at":"2026-03-01T12:00:00Z","reason":"too large","x":1}`))
	want := fleet.AssignmentReceipt{State: fleet.ReceiptDeclined, At: noon, Reason: "too large"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, tt := range []struct{ payload, field string }{
		{`{}`, "state"}, {`{"state":"maybe"}`, "state"}, {`{"state":"seen","at":true}`, "at"}, {`{"state":"seen","reason":{}}`, "reason"}, {`"seen"`, "payload"},
	} {
		_, err := Receipt([]byte(tt.payload))
		wantField(t, "Receipt", tt.payload, err, tt.field)
	}
}

func TestCommandReceipt(t *testing.T) {
	got, err := CommandReceipt([]byte(`{"state":"failed","at":"2026-03-01T12:00:00Z","reason":"no fix","x":1}`))
	want := fleet.CommandReceipt{State: fleet.CommandFailed, At: noon, Reason: "no fix"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, tt := range []struct{ payload, field string }{
		{`{}`, "state"}, {`{"state":"sent"}`, "state"}, {`{"state":"seen","at":true}`, "at"}, {`{"state":"seen","reason":{}}`, "reason"}, {`"seen"`, "payload"},
	} {
		_, err := CommandReceipt([]byte(tt.payload))
		wantField(t, "CommandReceipt", tt.payload, err, tt.field)
	}
}

func FuzzReports(f *testing.F) {
	f.Add([]byte(`{"state":"on","status":"delivered","at":1772366400000,"proof":{"name":"x"},"battery_pct":5,"reason":"y"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		_, herr := Health(payload)
		_, _, derr := Duty(payload)
		_, serr := Status(payload)
		_, rerr := Receipt(payload)
		_, cerr := CommandReceipt(payload)
		for _, err := range []error{herr, derr, serr, rerr, cerr} {
			var invalid *fleet.InvalidError
			if err != nil && !errors.As(err, &invalid) {
				t.Fatalf("%v is not an InvalidError", err)
			}
		}
	})
}

// wantField asks for an InvalidError that names field.
func wantField(t *testing.T, fn, payload string, err error, field string) {
	t.Helper()
	var invalid *fleet.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != field {
		t.Errorf("%s(%.100s): error %v, want an InvalidError of %s", fn, payload, err, field)
	}
}
