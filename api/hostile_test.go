package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/fleet"
)

// An aim is an operation as a test calls it, on things that are there.
type aim struct {
	op     *huma.Operation
	path   string
	body   string
	schema *huma.Schema // of the body, where it is JSON that is described
	fill   *strings.Replacer
}

// aimAt furnishes what an operation is about, named by n.
func (s *server) aimAt(path string, op *huma.Operation, n int) aim {
	s.t.Helper()
	sample := samples[op.OperationID]
	if sample.path == "" {
		sample.path = path
	}
	a := aim{op: op, fill: strings.NewReplacer("{n}", status(n), "{alert}", s.furnish(sample.path, n))}
	a.path, a.body = a.fill.Replace(sample.path), a.fill.Replace(sample.body)
	if b := op.RequestBody; b != nil {
		if media := b.Content["application/json"]; media != nil && media.Schema.Ref != "" {
			a.schema = media.Schema
		}
	}
	return a
}

// fitting mints a token that may call an operation; a new one, since logout ends
// it. A public operation needs none.
func (s *server) fitting(op *huma.Operation) string {
	roles, _ := op.Extensions["x-roles"].([]string)
	switch {
	case slices.Contains(roles, string(fleet.RoleAdmin)):
		return s.token("acme", fleet.RoleAdmin, "boss")
	case slices.Contains(roles, string(fleet.RoleDriver)):
		return s.token("acme", fleet.RoleDriver, "d1")
	case slices.Contains(roles, string(fleet.RoleOperator)):
		return s.token("*", fleet.RoleOperator, "op")
	}
	return ""
}

// eachOperation calls fn with every operation.
func eachOperation(s *server, fn func(path string, op *huma.Operation)) {
	paths := s.api.huma.OpenAPI().Paths
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, op := range operations(paths[path]) {
			fn(path, op)
		}
	}
}

func everything(t *testing.T) *server {
	t.Helper()
	opts, _, _ := withUplink(t)
	s := serve(t, opts, func(o *Options) {
		o.Broker, o.Retrier, o.Deliverer, o.Vitals = oneClient{}, still{"letter"}, deliverer{}, vitals
	})
	if _, err := s.store.EnsureDriver(t.Context(), "acme", "d1"); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBodiesAreLimited sends every operation that takes a body what it does not
// take.
func TestBodiesAreLimited(t *testing.T) {
	s, n := everything(t), 0
	eachOperation(s, func(path string, op *huma.Operation) {
		if op.RequestBody == nil {
			return
		}
		n++
		a := s.aimAt(path, op, n)
		most, kind := maxBody, "application/json"
		if a.op.OperationID == "upload-proof" {
			most, kind = maxProof, "image/png"
		}
		s.newAudits("acme")
		for name, tt := range map[string]struct {
			kind, body string
			status     int
		}{
			"another type": {"text/html", "<p>", http.StatusUnsupportedMediaType},
			"no type":      {"", "{}", http.StatusUnsupportedMediaType},
			"too large":    {kind, strings.Repeat("x", int(most)+1), http.StatusRequestEntityTooLarge},
			"broken off":   {"application/json", `{"a":`, http.StatusBadRequest},
		} {
			if name == "broken off" && a.schema == nil {
				continue
			}
			r := s.do(a.op.Method, a.path, s.fitting(a.op), tt.body, "Content-Type", tt.kind)
			if r.StatusCode != tt.status || r.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s with %s = %d %s, want %d", a.op.OperationID, name, r.StatusCode, r.body, tt.status)
			}
		}
		if changed := s.newAudits("acme"); len(changed) > 0 {
			t.Errorf("%s was refused and has done %+v", a.op.OperationID, changed)
		}
	})
}

// TestListsAreLimited asks every list for more than a page, and for a page that
// there is not.
func TestListsAreLimited(t *testing.T) {
	s := everything(t)
	lists, n := 0, 0
	eachOperation(s, func(path string, op *huma.Operation) {
		n++
		a := s.aimAt(path, op, n)
		for _, p := range a.op.Parameters {
			var bad []string
			switch {
			case p.Name == "limit":
				lists++
				bad = []string{"0", "-1", "1001", "10000", "99999999999999999999", "1.5", "many"}
			case p.Name == "cursor" || p.Name == "after" && a.op.OperationID == "list-events":
				bad = []string{"!", "'; DROP TABLE drivers; --", "\x00", strings.Repeat("A", 600)}
				if a.op.OperationID != "list-clients" && a.op.OperationID != "list-dead-letters" { // whose ids are any text
					bad = append(bad, "YSBi", "Li4vLi4")
				}
			}
			for _, v := range bad {
				query := strings.NewReplacer("\x00", "%00", "'", "%27", ";", "%3B", " ", "%20").Replace(v)
				r := s.do("GET", a.path+"?"+p.Name+"="+query, s.fitting(a.op), nil)
				if r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(r.body), "query."+p.Name) {
					t.Errorf("%s with %s %q = %d %s, want 422 for query.%s", a.op.OperationID, p.Name, v, r.StatusCode, r.body, p.Name)
				}
			}
		}
	})
	if lists < 10 {
		t.Errorf("only %d lists were found", lists)
	}
}

// markup is what breaks programs that take text for something else.
const markup = `'); DROP TABLE shipments; --<script>alert("1")</script>&amp;${7*7} é`

// notText are fields that look like free text and are not.
var notText = []string{"create-webhook url", "login password", "login user", "logout refresh_token", "refresh refresh_token", "update-fleet time_zone", "update-webhook url"}

// shownBy says where the text of a body is read that its answer does not hold.
var shownBy = map[string]string{"cancel-shipment": "/shipments/s{n}/events", "report-status": "/shipments/s{n}/events"}

// TestTextStaysText writes markup into every text field of every operation: it
// is stored, and comes back as it is.
func TestTextStaysText(t *testing.T) {
	s := everything(t)
	schemas := s.api.huma.OpenAPI().Components.Schemas
	n := 0
	eachOperation(s, func(path string, op *huma.Operation) {
		if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
			return
		}
		for _, field := range textFields(schemas, op.RequestBody.Content["application/json"].Schema) {
			name := op.OperationID + " " + strings.Join(field.path, ".")
			if slices.Contains(notText, name) {
				continue
			}
			n++
			a, body, text := s.aimAt(path, op, n), map[string]any{}, status(n)+markup
			if err := json.Unmarshal([]byte(a.body), &body); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if most := field.schema.MaxLength; most != nil && *most < utf8.RuneCountInString(text) {
				text = string([]rune(text)[:*most])
			}
			put(body, field.path, text)
			switch name {
			case "create-command text":
				body["action"] = "message"
			case "create-user name":
				body["id"] = "u-" + status(n)
			}
			r := s.do(op.Method, a.path, s.fitting(op), body)
			if r.StatusCode > 299 {
				t.Errorf("%s = %d %s", name, r.StatusCode, r.body)
				continue
			}
			if shownBy[op.OperationID] != "" {
				r = s.do("GET", a.fill.Replace(shownBy[op.OperationID]), s.fitting(op), nil)
			}
			var got any
			if json.Unmarshal(r.body, &got) != nil || !holds(got, text) {
				t.Errorf("%s = %s, which does not hold %q", name, r.body, text)
			}
		}
	})
	if n < 10 {
		t.Errorf("only %d text fields were found", n)
	}
}

// A textField is free text in a body, by its path.
type textField struct {
	path   []string
	schema *huma.Schema
}

// textFields returns those of an object: strings that are not of a form.
func textFields(r huma.Registry, schema *huma.Schema) (fields []textField) {
	if schema.Ref != "" {
		schema = r.SchemaFromRef(schema.Ref)
	}
	for name, p := range schema.Properties {
		if p.Ref != "" || p.Type == huma.TypeObject {
			for _, f := range textFields(r, p) {
				fields = append(fields, textField{append([]string{name}, f.path...), f.schema})
			}
			continue
		}
		free := p.Pattern == "" || !strings.HasPrefix(p.Pattern, "^[A-Z")
		if p.Type == huma.TypeString && free && len(p.Enum) == 0 && p.Format == "" {
			fields = append(fields, textField{[]string{name}, p})
		}
	}
	return fields
}

// put sets a member of an object of objects.
func put(object map[string]any, path []string, v string) {
	for ; len(path) > 1; path = path[1:] {
		inner, ok := object[path[0]].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[path[0]] = inner
		}
		object = inner
	}
	object[path[0]] = v
}

// holds reports whether a string of v is text.
func holds(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return v == text
	case []any:
		return slices.ContainsFunc(v, func(v any) bool { return holds(v, text) })
	case map[string]any:
		for _, v := range v {
			if holds(v, text) {
				return true
			}
		}
	}
	return false
}
