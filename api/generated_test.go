package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"pgregory.net/rapid"

	"github.com/dray-fleet/dray/fleet"
)

// callsAtOnce is how many operations in a row one check calls, so that each
// is called some dozen times.
const callsAtOnce = 12

// TestGeneratedRequests calls operations with arguments that are drawn from
// their schemas and from what breaks programs. Whatever comes, the answer is
// one that the document tells of and never a 500: see conforms.
func TestGeneratedRequests(t *testing.T) {
	opts, _, _ := withUplink(t)
	s := serve(t, opts, func(o *Options) {
		o.Broker, o.Retrier, o.Deliverer, o.Vitals = oneClient{}, still{}, deliverer{}, vitals
	})
	s.save(&fleet.Batch{Positions: fixes("d1", 5), Latest: fixes("d1", 1)})
	for _, path := range []string{"/shipments", "/devices", "/geofences", "/webhooks"} {
		s.furnish(path, 1)
	}

	type call struct {
		method, path string
		op           *huma.Operation
	}
	var calls []call
	for path, item := range s.api.huma.OpenAPI().Paths {
		for method, op := range operations(item) {
			if op.OperationID != "login" { // slow by design, and then throttled
				calls = append(calls, call{method, path, op})
			}
		}
	}
	slices.SortFunc(calls, func(a, b call) int { return strings.Compare(a.op.OperationID, b.op.OperationID) })

	schemas := s.api.huma.OpenAPI().Components.Schemas
	try := func(rt *rapid.T, c call) {
		path, query := c.path, url.Values{}
		var header []string
		for _, p := range c.op.Parameters {
			v := fmt.Sprint(value(schemas, p.Schema).Draw(rt, p.Name))
			switch p.In {
			case "path":
				if v == "" || v == "." || v == ".." {
					v = "d1" // these make another path
				}
				path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(v))
			case "query":
				if p.Name != "fleet" && p.Name != "wait" && rapid.Bool().Draw(rt, "with "+p.Name) { // another fleet is always 404
					query.Set(p.Name, v)
				}
			case "header":
				if v = strings.Map(printable, v); rapid.Bool().Draw(rt, "with "+p.Name) {
					header = append(header, p.Name, v)
				}
			}
		}
		var body any
		if c.op.RequestBody != nil {
			schema := &huma.Schema{Type: huma.TypeObject} // of a body that is not described
			if media := c.op.RequestBody.Content["application/json"]; media != nil && media.Schema.Format != "binary" {
				schema = media.Schema
			}
			data, err := json.Marshal(value(schemas, schema).Draw(rt, "body"))
			if err != nil {
				rt.Fatal(err)
			}
			body = string(data)
		}
		s.do(c.method, path+"?"+query.Encode(), s.fitting(c.op), body, header...)
	}
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.IntRange(0, len(calls)-1).Draw(rt, "first")
		for i := range callsAtOnce {
			try(rt, calls[(first+i)%len(calls)])
		}
	})
}

// printable drops what no header may hold.
func printable(r rune) rune {
	if r < 0x20 || r > 0x7e {
		return -1
	}
	return r
}

// text draws what is asked for, and what breaks programs.
func text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "d1", "acme", "0", "-1", "1e309", "NaN", "\x00", "%", "'; DROP TABLE drivers; --", "<script>", "../..",
			"2026-05-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "json", "csv", "s1", "a1", "t1", "g1", "w1", "1s", "latest", "1,2,3,4", "online", "\xff\xfe", "ZDE", "MTA"}),
		rapid.StringN(0, 80, 400),
	)
}

// value draws a JSON value that fits schema, mostly.
func value(r huma.Registry, schema *huma.Schema) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		if schema == nil { // of a parameter that is not described
			return text().Draw(t, "text")
		}
		if schema.Ref != "" {
			schema = r.SchemaFromRef(schema.Ref)
		}
		if rapid.IntRange(0, 9).Draw(t, "wrong shape") == 0 {
			return rapid.SampledFrom([]any{nil, 1e300, "x", []any{}, map[string]any{}, true}).Draw(t, "value")
		}
		switch schema.Type {
		case huma.TypeObject:
			object := map[string]any{}
			for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
				if rapid.IntRange(0, 9).Draw(t, "with "+name) > 0 {
					object[name] = value(r, schema.Properties[name]).Draw(t, name)
				}
			}
			return object
		case huma.TypeArray:
			return rapid.SliceOfN(value(r, schema.Items), 0, 3).Draw(t, "array")
		case huma.TypeInteger, huma.TypeNumber:
			low, high := -1e3, 1e4
			if schema.Minimum != nil {
				low = *schema.Minimum
			}
			if schema.Maximum != nil {
				high = max(low, *schema.Maximum)
			}
			inside := rapid.Custom(func(t *rapid.T) any { return math.Trunc(rapid.Float64Range(low, max(low, high)).Draw(t, "inside")) })
			return rapid.OneOf(inside, inside, rapid.Int64().AsAny(), rapid.Float64().AsAny()).Draw(t, "number")
		case huma.TypeBoolean:
			return rapid.Bool().Draw(t, "bool")
		}
		if schema.Format == "date-time" && rapid.Bool().Draw(t, "a time") {
			return rapid.SampledFrom([]string{"2026-05-01T00:00:00Z", "2026-05-01T12:02:00.5+02:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
				time.Now().UTC().Format(time.RFC3339)}).Draw(t, "time")
		}
		if schema.Pattern != "" && rapid.Bool().Draw(t, "an id") {
			return rapid.SampledFrom([]string{"d1", "s1", "a1", "t1", "g1", "w1", "boss", "latest"}).Draw(t, "id")
		}
		if len(schema.Enum) > 0 {
			return rapid.SampledFrom(schema.Enum).Draw(t, "enum")
		}
		return text().Draw(t, "text")
	})
}
