package api

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
)

var bundle = fstest.MapFS{
	"index.html":                  {Data: []byte("<title>dashboard</title>" + strings.Repeat("<p>", 1000))},
	"driver/index.html":           {Data: []byte("<title>driver</title>")},
	"driver/sw.js":                {Data: []byte("self")},
	"driver/manifest.webmanifest": {Data: []byte("{}")},
	"assets/app-1a2b.js":          {Data: []byte(strings.Repeat("let a;", 1000))},
	"assets/packed-3c4d.js":       {Data: []byte(strings.Repeat("let a;", 1000))},
	"assets/packed-3c4d.js.br":    {Data: []byte("brotli")},
	"assets/packed-3c4d.js.gz":    {Data: []byte("gzip")},
	"assets/lib.mjs":              {Data: []byte("export {}")},
	"basemap.pmtiles":             {Data: []byte("0123456789")},
}

func TestWeb(t *testing.T) {
	s := serve(t, func(o *Options) { o.Web = bundle; o.MapSource = "https://tiles.example/style.json" })
	for _, tt := range []struct {
		path   string
		status int
		kind   string
		cache  string
		holds  string
	}{
		{"/", 200, "text/html; charset=utf-8", "no-cache", "dashboard"},
		{"/replay/today", 200, "text/html; charset=utf-8", "no-cache", "dashboard"},
		{"/driver", 200, "text/html; charset=utf-8", "no-cache", "driver"}, // after a redirect
		{"/driver/", 200, "text/html; charset=utf-8", "no-cache", "driver"},
		{"/driver/duty", 200, "text/html; charset=utf-8", "no-cache", "driver"},
		{"/driver/sw.js", 200, "text/javascript; charset=utf-8", "no-cache", "self"},
		{"/driver/manifest.webmanifest", 200, "application/manifest+json", "no-cache", "{}"},
		{"/assets/app-1a2b.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "let a"},
		{"/assets/lib.mjs", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "export"},
		{"/basemap.pmtiles", 200, "application/vnd.pmtiles", "no-cache", "0123456789"},
		{"/assets/gone.js", 404, "text/plain; charset=utf-8", "", ""},
		{"/assets/", 404, "text/plain; charset=utf-8", "", ""},
		{"/favicon.ico", 404, "text/plain; charset=utf-8", "", ""},
		{"/..%2f..%2fetc/passwd", 200, "text/html; charset=utf-8", "no-cache", "dashboard"},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+tt.path, nil)
		r := s.send(req)
		if r.StatusCode != tt.status || r.Header.Get("Content-Type") != tt.kind || r.Header.Get("Cache-Control") != tt.cache || !strings.Contains(string(r.body), tt.holds) {
			t.Errorf("GET %s = %d %q %q", tt.path, r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"))
		}
		policy := r.Header.Get("Content-Security-Policy")
		host := strings.TrimPrefix(s.URL, "http://")
		for _, want := range []string{"script-src 'self';", "worker-src 'self' blob:", "connect-src 'self' ws://" + host + " wss://" + host + " https://tiles.example;"} {
			if !strings.Contains(policy, want) {
				t.Errorf("GET %s: policy %q lacks %q", tt.path, policy, want)
			}
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s without nosniff", tt.path)
		}
	}
}

func TestWebRange(t *testing.T) {
	s := serve(t, func(o *Options) { o.Web = bundle })
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/basemap.pmtiles", nil)
	req.Header.Set("Range", "bytes=2-4")
	if r := s.send(req); r.StatusCode != http.StatusPartialContent || string(r.body) != "234" {
		t.Errorf("bytes 2-4 = %d %q", r.StatusCode, r.body)
	}
}

func TestWebSendsWhatIsCompressed(t *testing.T) {
	s := serve(t, func(o *Options) { o.Web = bundle })
	for _, tt := range []struct{ accepts, encoding, starts string }{
		{"gzip, deflate, br, zstd", "br", "brotli"},
		{"gzip, deflate", "gzip", "gzip"},
		{"gzip, br;q=0", "gzip", "gzip"},
		{"identity", "", "let a;"},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/assets/packed-3c4d.js", nil)
		req.Header.Set("Accept-Encoding", tt.accepts)
		r := s.send(req)
		if got := r.Header.Get("Content-Encoding"); got != tt.encoding || !strings.HasPrefix(string(r.body), tt.starts) {
			t.Errorf("to %q: encoding %q and %.10q, want %q and %q", tt.accepts, got, r.body, tt.encoding, tt.starts)
		}
		if kind := r.Header.Get("Content-Type"); kind != "text/javascript; charset=utf-8" || !strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("to %q: type %q, vary %q", tt.accepts, kind, r.Header.Values("Vary"))
		}
	}
}

func TestWebRevalidates(t *testing.T) {
	s := serve(t, func(o *Options) { o.Web = bundle })
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/", nil) // the client asks for gzip by itself
	first := s.send(req)
	req.Header.Set("If-None-Match", first.Header.Get("ETag"))
	if second := s.send(req); second.StatusCode != http.StatusNotModified {
		t.Errorf("the same page by its ETag %s = %d, want 304", first.Header.Get("ETag"), second.StatusCode)
	}
}

func TestWebWithoutBundle(t *testing.T) {
	s := serve(t, func(o *Options) { o.Web = fstest.MapFS{} })
	for path, want := range map[string]int{"/": 200, "/driver/": 200, "/favicon.ico": 404} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+path, nil)
		r := s.send(req)
		if r.StatusCode != want || want == 200 && !strings.Contains(string(r.body), "without the web pages") {
			t.Errorf("GET %s without a bundle = %d %s", path, r.StatusCode, r.body)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/", nil)
	if r := s.send(req); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST / = %d, want 405", r.StatusCode)
	}
}

func TestPolicyIgnoresStrangeHosts(t *testing.T) {
	if got := sockets("a.example; script-src *"); got != "" {
		t.Errorf("sockets = %q, want nothing", got)
	}
}
