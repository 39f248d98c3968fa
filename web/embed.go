// Package web holds the built web bundle: the dispatcher dashboard and the
// driver PWA.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Bundle returns the built files, index.html at its root. It is empty when the
// binary was built without `make web`.
func Bundle() fs.FS {
	app, err := fs.Sub(dist, "dist/app")
	if err != nil {
		panic(err) // the path is constant and valid
	}
	return app
}
