package api

import (
	"bytes"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/fleet"
)

// operations returns what an item does, by method.
func operations(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch,
		http.MethodPut: item.Put, http.MethodDelete: item.Delete,
	}
	for method, op := range all {
		if op == nil {
			delete(all, method)
		}
	}
	return all
}

func status(code int) string { return strconv.Itoa(code) }

// TestOpenAPIFile holds openapi.json against the running code. Clients are
// generated from the file: after a change run go generate ./api.
func TestOpenAPIFile(t *testing.T) {
	s := serve(t)
	r := s.do("GET", "/openapi.json", "", nil)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("GET /openapi.json = %d", r.StatusCode)
	}
	if *update {
		if err := os.WriteFile("openapi.json", r.body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(readFile(t, "openapi.json"), r.body) {
		t.Error("openapi.json is not what the code says: run go generate ./api and look at the difference")
	}
}

// TestEveryOperationHasARule is why nothing can be forgotten: who may call an
// operation is part of the document.
func TestEveryOperationHasARule(t *testing.T) {
	s := serve(t)
	for path, item := range s.api.huma.OpenAPI().Paths {
		for method, op := range operations(item) {
			roles, _ := op.Extensions["x-roles"].([]string)
			isPublic := slices.Equal(roles, []string{"public"})
			for _, role := range roles {
				if !isPublic && !fleet.ValidRole(fleet.Role(role)) {
					t.Errorf("%s %s: x-roles names %q", method, path, role)
				}
			}
			if len(roles) == 0 {
				t.Errorf("%s %s: no x-roles", method, path)
			}
			if isPublic != (len(op.Security) == 0) {
				t.Errorf("%s %s: roles %v and security %v disagree", method, path, roles, op.Security)
			}
			inQuery := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == "fleet" && p.In == "query" })
			above := slices.Equal(roles, []string{string(fleet.RoleOperator)}) // the fleets
			if (isPublic || above) == inQuery {
				t.Errorf("%s %s: only operations on a fleet take ?fleet=", method, path)
			}
			if op.Summary == "" || op.OperationID == "" {
				t.Errorf("%s %s: no summary or operation id", method, path)
			}
		}
	}
}

func TestDocumentsAreServed(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]string{
		"/api/docs":               "text/html; charset=utf-8",
		"/api/docs.js":            "text/javascript; charset=utf-8",
		"/api/docs.css":           "text/css; charset=utf-8",
		prefix + "/openapi.json":  "application/openapi+json",
		prefix + "/live.proto":    "text/plain; charset=utf-8",
		prefix + "/config":        "application/json",
		prefix + "/no-such-thing": "application/problem+json",
	} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+path, nil)
		r := s.send(req)
		if got := r.Header.Get("Content-Type"); got != want || len(r.body) == 0 {
			t.Errorf("GET %s: content type %q and %d bytes, want %q", path, got, len(r.body), want)
		}
		if strings.Contains(string(r.body), "https://unpkg") || strings.Contains(string(r.body), "//cdn") {
			t.Errorf("GET %s: needs another server", path)
		}
	}
}
