package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/dray-fleet/dray/fleet"
)

const maxProof = 5 << 20 // bytes

// Blobs keep photos and signatures.
type Blobs interface {
	// Put returns after data is durable; fleet.ErrFull refuses.
	Put(ctx context.Context, name string, data []byte) error
	Get(ctx context.Context, name string) ([]byte, error) // fleet.ErrNotFound when there is none
	Delete(ctx context.Context, name string) error        // nothing when there is none
}

var errNoBlobs = errors.New("no storage for files in this process")

// A ProofFile is what was uploaded, to be named in the proof of a status report.
type ProofFile struct {
	ID   string `json:"id" doc:"For signature or photo of a proof."`
	Type string `json:"type" enum:"image/jpeg,image/png,image/webp,text/plain"`
	Size int    `json:"size" doc:"Bytes."`
}

// proofTypes are what may be uploaded. The content decides, not its name.
var proofTypes = []string{"image/jpeg", "image/png", "image/webp", "text/plain", "application/octet-stream"}

func (a *API) proofRoutes() {
	content := map[string]*huma.MediaType{}
	for _, kind := range proofTypes {
		content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	register(a, operation{method: "POST", path: "/shipments/{id}/proof", id: "upload-proof", status: http.StatusCreated,
		summary: "Upload a photo (JPEG, PNG, WebP; at most 5 MiB) or a signature (PNG, or the data of an SVG path)",
		body:    proofTypes, bodySize: maxProof, time: time.Minute,
		errors: []int{http.StatusTooManyRequests}}, movers, a.uploadProof)
	register(a, operation{method: "GET", path: "/shipments/{id}/proof/{file}", id: "read-proof", summary: "A photo or signature", time: time.Minute,
		responses: map[string]*huma.Response{"200": {Description: "OK", Content: content}}}, dispatched, a.readProof)
}

// uploadProof names the file by its content, so that an upload that is repeated
// is one file, and none is ever replaced by another.
func (a *API) uploadProof(ctx context.Context, in *struct {
	OneShipment
	RawBody []byte `contentType:"image/jpeg"`
}) (*body[ProofFile], error) {
	if a.Blobs == nil {
		return nil, errNoBlobs
	}
	c := callerOf(ctx)
	s, err := a.Store.Shipment(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if driver := c.SpeaksFor(); driver != "" && driver != s.Driver {
		return nil, fleet.ErrNotAssigned
	}
	kind, err := sniff(in.RawBody)
	if err != nil {
		return nil, err
	}
	if wait := a.uploads.take(c.fleet+"/"+in.ID, time.Now()); wait > 0 {
		return nil, withRetry(huma.Error429TooManyRequests("too many files for this shipment: wait"), http.StatusTooManyRequests, wait)
	}
	sum := sha256.Sum256(in.RawBody)
	file := ProofFile{hex.EncodeToString(sum[:16]), kind, len(in.RawBody)}
	if err := a.Store.KeepProof(ctx, fleet.ProofFile{Fleet: c.fleet, Shipment: in.ID, ID: file.ID, Driver: s.Driver}); err != nil {
		return nil, err
	}
	if err := a.Blobs.Put(ctx, blobName(c.fleet, in.ID, file.ID), in.RawBody); err != nil {
		return nil, err
	}
	return reply(file), a.audit(ctx, "upload", "shipment", in.ID, nil, file)
}

func blobName(fleetID, shipment, file string) string { return fleetID + "/" + shipment + "/" + file }

// svgPath is the data of an SVG path (SVG 2 section 9.3): no markup.
var svgPath = regexp.MustCompile(`^[Mm][MmZzLlHhVvCcSsQqTtAa0-9eE+\-., \t\r\n]+$`)

// sniff tells what data is from the data alone.
func sniff(data []byte) (kind string, err error) {
	kind = http.DetectContentType(data)
	switch kind {
	case "image/jpeg", "image/png", "image/webp":
		return kind, nil
	case "text/plain; charset=utf-8":
		if len(data) <= fleet.MaxProof && svgPath.Match(data) {
			return "text/plain", nil
		}
		return "", fleet.Invalid("body", "is text but not the data of an SVG path")
	}
	return "", fleet.Invalid("body", "is not a JPEG, PNG or WebP image")
}

// A file is a response that browsers show as what it is and nothing else.
type file struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Policy      string `header:"Content-Security-Policy"`
	Cache       string `header:"Cache-Control"`
	Body        []byte
}

func (a *API) readProof(ctx context.Context, in *struct {
	OneShipment
	File string `path:"file" pattern:"^[0-9a-f]{32}$"`
}) (*file, error) {
	if a.Blobs == nil {
		return nil, errNoBlobs
	}
	s, err := a.visible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	data, err := a.Blobs.Get(ctx, blobName(s.Fleet, s.ID, in.File))
	if err != nil {
		return nil, err
	}
	kind, err := sniff(data)
	if err != nil {
		return nil, err
	}
	return &file{kind, "inline", "default-src 'none'; sandbox", "private, max-age=86400, immutable", data}, nil
}
