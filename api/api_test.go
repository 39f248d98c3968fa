package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// A server is the API on a real port with a real store.
type server struct {
	*httptest.Server
	t      testing.TB
	api    *API
	store  database
	minter *auth.Minter

	audited map[string]int64 // the newest entry that newAudits has returned, by fleet
}

func serve(t testing.TB, change ...func(*Options)) *server {
	t.Helper()
	store, err := open(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	secret := []byte(strings.Repeat("s", auth.MinSecret))
	revocations := auth.NewRevocations(nil)
	verifier, err := auth.NewVerifier(auth.Options{Secret: secret, Revocations: revocations})
	if err != nil {
		t.Fatal(err)
	}
	minter, err := auth.NewMinter(secret, "", "")
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{
		Store: store, Keeper: keeper{}, Verifier: verifier, Minter: minter, Revocations: revocations, Version: "test",
		LiveProto: []byte("syntax = \"proto3\";\n"),
		Logger:    slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&opts)
	}
	a, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{httptest.NewServer(a), t, a, store, minter, map[string]int64{}}
	t.Cleanup(s.Close)
	return s
}

// token mints one that lives for an hour.
func (s *server) token(fleetID string, role fleet.Role, sub string, change ...func(*auth.Claims)) string {
	s.t.Helper()
	c := &auth.Claims{Fleet: fleetID, Role: role, Subject: sub, ExpiresAt: time.Now().Add(time.Hour)}
	for _, f := range change {
		f(c)
	}
	token, err := s.minter.Mint(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// An answer is a response whose body was read.
type answer struct {
	*http.Response
	body []byte
}

// into decodes the body.
func (r *answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("body %s: %v", r.body, err)
	}
}

// do sends a request to a path of the API and holds the answer against the
// OpenAPI document. The body is a string as it is, or else anything as JSON.
func (s *server) do(method, path, token string, body any, header ...string) *answer {
	s.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+prefix+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if strings.HasPrefix(path, "/events") {
		s.sequence()
	}
	r := s.send(req)
	s.conforms(req, r)
	return r
}

func (s *server) send(req *http.Request) *answer {
	s.t.Helper()
	res, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return &answer{res, data}
}

// conforms holds an answer against what the document says of its operation.
func (s *server) conforms(req *http.Request, r *answer) {
	s.t.Helper()
	call := req.Method + " " + req.URL.Path
	if r.StatusCode >= 500 && r.StatusCode != http.StatusServiceUnavailable {
		s.t.Errorf("%s: %d %s", call, r.StatusCode, r.body)
	}
	doc := s.api.huma.OpenAPI()
	_, pattern := s.api.mux.Handler(req)
	_, path, _ := strings.Cut(pattern, " "+prefix)
	item := doc.Paths[path]
	if item == nil {
		return // not an operation
	}
	op := operations(item)[req.Method]
	if r.StatusCode < 300 {
		succeeded[op.OperationID] = true
	}
	documented := op.Responses[status(r.StatusCode)]
	if documented == nil {
		s.t.Errorf("%s: status %d is not documented", call, r.StatusCode)
		return
	}
	kind := r.Header.Get("Content-Type")
	media := documented.Content[kind]
	if media == nil && len(r.body) == 0 && len(documented.Content) == 0 {
		return
	}
	if media == nil {
		s.t.Errorf("%s: content type %q of status %d is not documented", call, kind, r.StatusCode)
		return
	}
	if !strings.HasSuffix(kind, "json") || kind == "application/geo+json" {
		return
	}
	var v any
	r.into(s.t, &v)
	res := &huma.ValidateResult{}
	huma.Validate(doc.Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
	for _, err := range res.Errors {
		s.t.Errorf("%s: the answer does not fit its schema: %v\n%s", call, err, r.body)
	}
}

// succeeded are the operations that have answered well in a test, and so were
// held against the document.
var succeeded = map[string]bool{}

// unshown returns the operations that no test has had succeed.
func unshown() (ids []string, err error) {
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	data, err := os.ReadFile("openapi.json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	for _, item := range doc.Paths {
		for _, op := range item {
			if !succeeded[op.OperationID] {
				ids = append(ids, op.OperationID)
			}
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func TestNewWithoutParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("New(Options{}) gave no error")
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return data
}

// What passes is 503, with the word when to come again; the rest is a fault of dray's.
func TestStoreThatCannotWrite(t *testing.T) {
	s := serve(t)
	for err, want := range map[error]int{
		fmt.Errorf("sqlite: create shipment: %w: disk is full", fleet.ErrAway): http.StatusServiceUnavailable,
		errors.New("syntax error"): http.StatusInternalServerError,
	} {
		w := httptest.NewRecorder()
		writeProblem(w, s.api.problem(t.Context(), err))
		if comesBack := w.Header().Get("Retry-After") != ""; w.Code != want || comesBack != (want == http.StatusServiceUnavailable) {
			t.Errorf("%v = %d, Retry-After %q, want %d", err, w.Code, w.Header().Get("Retry-After"), want)
		}
	}
}
