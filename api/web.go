package api

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// A site serves the web bundle: the dashboard at /, the driver PWA at /driver/.
type site struct {
	files   fs.FS // nil when the binary was built without the web
	policy  string
	version string
	etags   sync.Map // path to entity tag; one entry for each file of the bundle
}

func newSite(files fs.FS, mapSource, version string) *site {
	if files != nil {
		if _, err := fs.Stat(files, "index.html"); err != nil {
			files = nil
		}
	}
	return &site{files: files, policy: contentPolicy(mapSource), version: version}
}

// contentPolicy is the Content-Security-Policy of our pages: everything from
// here, and the map from where it is configured to come from. MapLibre makes
// its worker from a blob. {sockets} stands for the MQTT socket on the same host.
func contentPolicy(mapSource string) string {
	from := ""
	if u, err := url.Parse(strings.TrimPrefix(mapSource, "pmtiles://")); err == nil && u.Host != "" {
		from = " " + u.Scheme + "://" + u.Host
	}
	return strings.Join([]string{
		"default-src 'self'",
		"script-src 'self'",
		"worker-src 'self' blob:",
		"connect-src 'self'{sockets}" + from,
		"img-src 'self' data: blob:" + from,
		"font-src 'self'" + from,
		"style-src 'self'",
		"object-src 'none'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	}, "; ")
}

// sockets returns the WebSocket origins of host, which 'self' does not cover in
// every browser, or nothing for a host that is not plainly one.
func sockets(host string) string {
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") != "" {
		return ""
	}
	return " ws://" + host + " wss://" + host
}

// secure sets the headers that every response carries.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
		}
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP answers with a file of the bundle, or with the page that a path
// inside one of the two applications belongs to.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", strings.Replace(s.policy, "{sockets}", sockets(r.Host), 1))
	w.Header().Set("Permissions-Policy", "geolocation=(self), camera=(self), microphone=()")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, huma.Error405MethodNotAllowed("the method is not one of this resource"))
		return
	case s.files == nil:
		s.withoutBundle(w, r)
		return
	case r.URL.Path == "/driver":
		http.Redirect(w, r, "/driver/", http.StatusPermanentRedirect) // the scope of its service worker
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if f, err := s.open(name); err == nil {
		defer f.Close()
		s.sendSmallest(w, r, name, f)
		return
	}
	page := pageFor(name)
	if page == "" {
		http.NotFound(w, r)
		return
	}
	f, err := s.open(page)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	s.send(w, r, page, f)
}

// pageFor returns the page that shows a path of its own routing, or nothing
// for what looks like a file.
func pageFor(name string) string {
	switch {
	case path.Ext(name) != "" || name == "assets" || strings.HasPrefix(name, "assets/"):
		return ""
	case name == "driver" || strings.HasPrefix(name, "driver/"):
		return "driver/index.html"
	}
	return "index.html"
}

// open returns a file of the bundle; a folder is none.
func (s *site) open(name string) (fs.File, error) {
	f, err := s.files.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		f.Close()
		return nil, fs.ErrNotExist
	}
	return f, nil
}

// contentTypes are those that a machine's own table may lack.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".json": "application/json", ".mjs": "text/javascript; charset=utf-8", ".pbf": "application/x-protobuf",
	".pmtiles": "application/vnd.pmtiles", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff2": "font/woff2",
}

// encodings are those that the bundle holds files in, the smallest first, with
// the ends of their names.
var encodings = []struct{ name, ext string }{{"br", ".br"}, {"gzip", ".gz"}}

// sendSmallest sends a file as it was compressed when the bundle was built, if
// it was and the client takes it.
func (s *site) sendSmallest(w http.ResponseWriter, r *http.Request, name string, f fs.File) {
	for _, e := range encodings {
		if r.Header.Get("Range") != "" || !accepts(r.Header.Get("Accept-Encoding"), e.name) {
			continue
		}
		packed, err := s.open(name + e.ext)
		if err != nil {
			continue
		}
		defer packed.Close()
		if plain, ok := f.(io.ReadSeeker); ok {
			_, _ = s.etag(name, plain) // of what it holds, however it is sent; send tells of an error
		}
		w.Header().Set("Content-Encoding", e.name)
		w.Header().Set("Vary", "Accept-Encoding")
		f = packed
		break
	}
	s.send(w, r, name, f)
}

// accepts reports whether an Accept-Encoding header takes an encoding. Of the
// weights only zero counts: browsers want all that they name.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == encoding {
			q, _ := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			return q == "" || strings.Trim(q, "0.") != ""
		}
	}
	return false
}

func (s *site) send(w http.ResponseWriter, r *http.Request, name string, f fs.File) {
	content, ok := f.(io.ReadSeeker)
	if !ok {
		http.Error(w, "the web bundle cannot be read", http.StatusInternalServerError)
		return
	}
	tag, err := s.etag(name, content)
	if err != nil {
		http.Error(w, "the web bundle cannot be read", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("ETag", tag)
	if kind := contentTypes[path.Ext(name)]; kind != "" {
		h.Set("Content-Type", kind)
	}
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // the name holds a hash of the content
	} else {
		h.Set("Cache-Control", "no-cache") // ask again each time, by the ETag
	}
	http.ServeContent(w, r, name, time.Time{}, content)
}

// etag hashes a file when it is first asked for; embedded files have no time.
func (s *site) etag(name string, content io.ReadSeeker) (string, error) {
	if tag, found := s.etags.Load(name); found {
		return tag.(string), nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		return "", err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	tag := `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`
	if path.Ext(name) != ".pmtiles" {
		tag = "W/" + tag // the same, compressed or not; If-Range wants a strong one, and only archives are read by range
	}
	s.etags.Store(name, tag)
	return tag, nil
}

const emptyPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>dray</title>
<h1>dray is running</h1>
<p>This binary was built without the web pages. Build it with <code>make build</code> to have the dashboard here.</p>
<p>The API is there: <a href="/api/docs">documentation</a>, <a href="/api/v1/health/mqtt">broker health</a>.</p>
</html>
`

func (s *site) withoutBundle(w http.ResponseWriter, r *http.Request) {
	if name := strings.Trim(r.URL.Path, "/"); pageFor(name) == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, emptyPage)
}
