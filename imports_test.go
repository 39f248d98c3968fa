// Package dray_test holds what is true of the whole tree: who may import whom,
// and that the examples of the documents work.
package dray_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dray-fleet/dray/"

// mayImport says which folders of the module each folder may import. A folder
// may always import those inside it. Edges never import one another, nor a
// store; packages below cmd take plain values, not the configuration.
var mayImport = map[string][]string{
	// ground
	"fleet":      nil,
	"configs":    nil,
	"migrations": nil,
	hooks:        nil,
	"web":        nil,
	"codec":      {"fleet"},
	// adapters
	"auth":               {"fleet"},
	"stream":             {"fleet"},
	"store/postgres":     {"fleet", "migrations", "store/internal"},
	"store/sqlite":       {"fleet", "internal/giveway", "migrations", "store/internal"},
	"store/storetest":    {"fleet"},
	"store/postgrestest": {"internal/pgserver"},
	"store/internal":     {"fleet", "migrations"},
	// edges
	"broker":        {"auth", "codec", "fleet"},
	"broker/packet": {"codec", "fleet"},
	"ingest":        {"stream", "codec", "fleet", "internal/giveway"},
	"relay":         {"fleet"},
	"history":       {"fleet"},
	"api":           {"auth", "codec", "fleet"},
	// beside them
	"sim":               {"codec", "fleet"},
	"chaos":             {"auth", "fleet", "internal/pgserver", "sim"},
	"internal/giveway":  nil,
	"internal/pgserver": nil,
}

// hooks are the test hooks that any folder may import: constants, but with a
// build tag.
const hooks = "internal/breakage"

// wiring may import everything.
var wiring = []string{"cmd", "bench"}

type goPackage struct {
	ImportPath           string
	Imports, TestImports []string
	XTestImports         []string
}

func listPackages(t *testing.T) []goPackage {
	cmd := exec.Command("go", "list", "-buildvcs=false", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	} else if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

// within reports whether folder is dir or inside it.
func within(folder, dir string) bool {
	return folder == dir || strings.HasPrefix(folder, dir+"/")
}

// ruleOf returns the innermost folder of mayImport that folder is within.
func ruleOf(folder string) (dir string, ok bool) {
	for d := range mayImport {
		if within(folder, d) && len(d) > len(dir) {
			dir, ok = d, true
		}
	}
	return dir, ok
}

func TestImportsGoOneWay(t *testing.T) {
	for folder := range mayImport {
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("mayImport has a rule for what is not there: %v", err)
		}
	}
	for _, p := range listPackages(t) {
		folder, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours || slices.ContainsFunc(wiring, func(w string) bool { return within(folder, w) }) {
			continue // the top level, and what may import everything
		}
		rule, ok := ruleOf(folder)
		if !ok {
			t.Errorf("%s has no rule in mayImport: say what it may import", folder)
			continue
		}
		for _, imported := range p.Imports {
			i, ours := strings.CutPrefix(imported, module)
			if !ours || i == hooks || within(i, rule) || slices.ContainsFunc(mayImport[rule], func(d string) bool { return within(i, d) }) {
				continue
			}
			t.Errorf("%s imports %s; it may import only %v", folder, i, mayImport[rule])
		}
	}
}

// A test may use more than its package, but an edge is tested without the others.
func TestTestsOfEdgesDoNotImportOtherEdges(t *testing.T) {
	edges := []string{"broker", "ingest", "relay", "history", "api"}
	edgeOf := func(folder string) string {
		if i := slices.IndexFunc(edges, func(e string) bool { return within(folder, e) }); i >= 0 {
			return edges[i]
		}
		return ""
	}
	for _, p := range listPackages(t) {
		from := edgeOf(strings.TrimPrefix(p.ImportPath, module))
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			to := edgeOf(strings.TrimPrefix(imported, module))
			if from != "" && to != "" && from != to {
				t.Errorf("a test of %s imports %s", p.ImportPath, imported)
			}
		}
	}
}
