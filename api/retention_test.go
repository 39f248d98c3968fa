package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// keeper is one whose fleets lose a position for each month they keep.
type keeper struct{}

func (keeper) Would(_ context.Context, rs []fleet.Retention, now time.Time) (list []fleet.Expiry, err error) {
	for _, r := range rs {
		if r.PackedMonths > 0 {
			list = append(list, fleet.Expiry{Fleet: r.Fleet, Before: noon, Positions: int64(r.PackedMonths)})
		}
	}
	return list, nil
}

func (k keeper) Remove(ctx context.Context, r fleet.Retention, now time.Time) (fleet.Expiry, error) {
	list, err := k.Would(ctx, []fleet.Retention{r}, now)
	return append(list, fleet.Expiry{})[0], err
}

func (keeper) Forecast(context.Context, time.Time) (fleet.Forecast, error) {
	return fleet.Forecast{Bytes: 5000, Free: 100, HasFree: true, Daily: 10, Since: noon, FullAt: noon.AddDate(0, 0, 10)}, nil
}

// expect sends a request and compares status and body.
func (s *server) expect(method, path, token, in string, status int, want string) {
	s.t.Helper()
	var body any
	if in != "" {
		body = in
	}
	if r := s.do(method, path, token, body); r.StatusCode != status || !strings.Contains(string(r.body), want) {
		s.t.Errorf("%s %s %s = %d %s, want %d %s", method, path, in, r.StatusCode, r.body, status, want)
	}
}

func TestRetention(t *testing.T) {
	s := serve(t)
	boss := s.token("acme", fleet.RoleAdmin, "boss")
	for _, tt := range []struct {
		method, path, in string
		status           int
		want             string
	}{
		{"GET", "/retention", "", http.StatusOK, `{"raw_days":null,"packed_months":null}`},
		{"POST", "/retention/dry-run", "", http.StatusOK, `{"before":null,"raw_before":null,"positions":0`},
		{"POST", "/retention/dry-run", `{"packed_months":3}`, http.StatusOK, `{"before":"2026-05-01T12:00:00.000Z","raw_before":null,"positions":3`},
		{"GET", "/retention", "", http.StatusOK, `{"raw_days":null,"packed_months":null}`},
		{"PUT", "/retention", `{"packed_months":24,"raw_days":90}`, http.StatusOK, `{"raw_days":90,"packed_months":24}`},
		{"GET", "/retention", "", http.StatusOK, `{"raw_days":90,"packed_months":24}`},
		{"POST", "/retention/dry-run", "", http.StatusOK, `"positions":24`},
		{"POST", "/retention/run", "", http.StatusOK, `"positions":24`},
		{"PUT", "/retention", `{"raw_days":0}`, http.StatusOK, `{"raw_days":null,"packed_months":null}`},
		{"PUT", "/retention", `{"raw_days":null,"packed_months":null}`, http.StatusOK, `{"raw_days":null,"packed_months":null}`},
		{"PUT", "/retention", `{"raw_days":-1}`, http.StatusUnprocessableEntity, "body.raw_days"},
		{"PUT", "/retention", `{"packed_months":1201}`, http.StatusUnprocessableEntity, "body.packed_months"},
		{"PUT", "/retention", `{"packed_months":1.5}`, http.StatusUnprocessableEntity, "body.packed_months"},
		{"PUT", "/retention", `{"months":1}`, http.StatusUnprocessableEntity, "body.months"},
		{"GET", "/retention/forecast", "", http.StatusOK, `{"disk_full_at":"2026-05-11T12:00:00.000Z","database_bytes":5000,"free_bytes":100,"daily_bytes":10,"since":"2026-05-01T12:00:00.000Z"}`},
		{"GET", "/audit", "", http.StatusOK, `"action":"set","entity":"retention","id":"","before":{"raw_days":null,"packed_months":null},"after":{"raw_days":90,"packed_months":24}`},
		{"GET", "/audit", "", http.StatusOK, `"action":"run","entity":"retention"`},
	} {
		s.expect(tt.method, tt.path, boss, tt.in, tt.status, tt.want)
	}
}

func TestPolicies(t *testing.T) {
	s := serve(t)
	boss := s.token("acme", fleet.RoleAdmin, "boss")
	for _, d := range []string{"d1", "d2"} {
		if _, err := s.store.EnsureDriver(t.Context(), "acme", d); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		method, path, in string
		status           int
		want             string
	}{
		{"GET", "/policies", "", http.StatusOK, `{"min_interval_s":null,"items":[],"next":null}`},
		{"GET", "/policies/fleet", "", http.StatusNotFound, ""},
		{"PUT", "/policies/fleet", `{"min_interval_s":30}`, http.StatusOK, `{"driver":null,"min_interval_s":30}`},
		{"PUT", "/policies/drivers/d1", `{"min_interval_s":0}`, http.StatusOK, `{"driver":"d1","min_interval_s":0}`},
		{"PUT", "/policies/drivers/d2", `{"min_interval_s":0.25}`, http.StatusOK, `{"driver":"d2","min_interval_s":0.25}`},
		{"GET", "/policies/drivers/d2", "", http.StatusOK, `{"driver":"d2","min_interval_s":0.25}`},
		{"GET", "/policies", "", http.StatusOK, `{"min_interval_s":30,"items":[{"driver":"d1","min_interval_s":0},{"driver":"d2","min_interval_s":0.25}],"next":null}`},
		{"GET", "/policies?limit=1", "", http.StatusOK, `"items":[{"driver":"d1","min_interval_s":0}],"next":"ZDE"}`},
		{"GET", "/policies?limit=1&cursor=ZDE", "", http.StatusOK, `"items":[{"driver":"d2","min_interval_s":0.25}],"next":"ZDI"}`},
		{"PUT", "/policies/drivers/nobody", `{"min_interval_s":1}`, http.StatusNotFound, ""},
		{"PUT", "/policies/fleet", `{"min_interval_s":3601}`, http.StatusUnprocessableEntity, "body.min_interval_s"},
		{"PUT", "/policies/fleet", `{"min_interval_s":-1}`, http.StatusUnprocessableEntity, "body.min_interval_s"},
		{"PUT", "/policies/fleet", `{}`, http.StatusUnprocessableEntity, "min_interval_s"},
		{"DELETE", "/policies/drivers/d1", "", http.StatusNoContent, ""},
		{"DELETE", "/policies/drivers/d1", "", http.StatusNotFound, ""},
		{"DELETE", "/policies/fleet", "", http.StatusNoContent, ""},
		{"GET", "/policies", "", http.StatusOK, `{"min_interval_s":null,"items":[{"driver":"d2"`},
		{"GET", "/audit", "", http.StatusOK, `"action":"set","entity":"policy","id":"d1","before":null,"after":{"driver":"d1","min_interval_s":0}`},
		{"GET", "/audit", "", http.StatusOK, `"action":"delete","entity":"policy","id":"d1","before":{"driver":"d1","min_interval_s":0}`},
	} {
		s.expect(tt.method, tt.path, boss, tt.in, tt.status, tt.want)
	}
}
