package api

import (
	"context"
	"net/http"
)

// A Config is what a page needs before anybody has logged in.
type Config struct {
	Version  string    `json:"version"`
	MQTTPath string    `json:"mqtt_path" doc:"MQTT over WebSocket on this host, subprotocol mqtt."`
	Map      MapConfig `json:"map"`
}

// A MapConfig says where the map comes from.
type MapConfig struct {
	Source string `json:"source" doc:"builtin, or the URL of a style or PMTiles archive."`
}

func (a *API) publicRoutes() {
	register(a, operation{method: "GET", path: "/config", id: "read-config", summary: "What a page needs before login"}, public,
		func(context.Context, *struct{}) (*body[Config], error) {
			return reply(Config{a.Version, "/mqtt", MapConfig{a.MapSource}}), nil
		})
}

// documents serves what describes the API.
func (a *API) documents() error {
	spec, err := a.OpenAPI()
	if err != nil {
		return err
	}
	serve := func(path, contentType string, data []byte) {
		a.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Cache-Control", "no-cache")
			_, _ = w.Write(data)
		})
	}
	serve(prefix+"/openapi.json", "application/openapi+json", spec)
	serve(prefix+"/live.proto", "text/plain; charset=utf-8", a.LiveProto)
	serve("/api/docs", "text/html; charset=utf-8", docsPage)
	serve("/api/docs.js", "text/javascript; charset=utf-8", docsScript)
	serve("/api/docs.css", "text/css; charset=utf-8", docsStyle)
	return nil
}
