package api

import (
	"bytes"
	_ "embed" // the documentation page
	"encoding/json"
	"fmt"
)

//go:generate go test -run TestOpenAPIFile -update .

var (
	//go:embed docs/docs.html
	docsPage []byte
	//go:embed docs/docs.js
	docsScript []byte
	//go:embed docs/docs.css
	docsStyle []byte
)

// OpenAPI returns the OpenAPI 3.1 document of the API, as openapi.json holds it.
func (a *API) OpenAPI() ([]byte, error) {
	compact, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("api: write the OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", " "); err != nil {
		return nil, fmt.Errorf("api: write the OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
