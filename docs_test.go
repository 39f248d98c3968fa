package dray_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/configs"
	"github.com/dray-fleet/dray/fleet"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const configurationHead = `# Configuration

This page is made from [configs/dray.yaml](../configs/dray.yaml), which ` + "`dray config`" + ` prints:
` + "`go test . -run TestConfigurationReference -update`" + `.

` + "`dray serve`" + ` runs without any configuration. Settings come from a YAML file (` + "`--config dray.yaml`" + `), then from environment
variables, then from flags (` + "`--http.addr :80`" + `); the later wins. An empty variable counts as unset. Lists in variables and
flags are separated by commas. Durations are written ` + "`500ms`, `5s`, `10m`, `24h`" + `; sizes in bytes or as ` + "`64KiB`, `1MiB`, `16GiB`" + `.
An unknown key or ` + "`DRAY_`" + ` variable is an error at start, and so is a value that cannot be right.

| key | variable | default | |
| --- | --- | --- | --- |
`

func TestConfigurationReference(t *testing.T) {
	keys, err := configs.Keys()
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString(configurationHead)
	for _, k := range keys {
		byDefault := ""
		if k.Default != "" {
			byDefault = "`" + k.Default + "`"
		}
		fmt.Fprintf(&want, "| `%s` | `%s` | %s | %s |\n", k.Name, k.Env, byDefault, strings.ReplaceAll(k.Doc, "|", `\|`))
	}
	const file = "docs/configuration.md"
	if *update {
		if err := os.WriteFile(file, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want.String(), string(read(t, file))); diff != "" {
		t.Errorf("%s is not up to date (-want +got); run with -update:\n%s", file, diff)
	}
}

// blocks returns the fenced blocks of a document that begin with ```lang name,
// by name.
func blocks(t *testing.T, file, lang string) map[string][]string {
	found := map[string][]string{}
	fence := regexp.MustCompile("(?s)```" + lang + ` (\w+)\n(.*?)` + "```")
	for _, m := range fence.FindAllStringSubmatch(string(read(t, file)), -1) {
		found[m[1]] = append(found[m[1]], m[2])
	}
	if len(found) == 0 {
		t.Fatalf("%s has no %s examples", file, lang)
	}
	return found
}

func TestPayloadsInTheDocuments(t *testing.T) {
	for kind, examples := range blocks(t, "docs/mqtt.md", "json") {
		for _, example := range examples {
			var err error
			switch payload := []byte(example); kind {
			case "location":
				_, err = codec.Location(payload, "d1")
			case "duty":
				_, _, err = codec.Duty(payload)
			case "health":
				_, err = codec.Health(payload)
			case "status":
				_, err = codec.Status(payload)
			case "receipt":
				_, err = codec.Receipt(payload)
			case "command":
				_, err = codec.CommandReceipt(payload)
			default:
				t.Errorf("docs/mqtt.md has an example of %q", kind)
			}
			if err != nil {
				t.Errorf("docs/mqtt.md: the example of %s is refused: %v", kind, err)
			}
		}
	}
}

var status = regexp.MustCompile("`([a-z_]+)`")

// The table of legal moves of a shipment is the program's.
func TestMovesInTheDocuments(t *testing.T) {
	_, table, found := strings.Cut(string(read(t, "docs/mqtt.md")), "| from | a status may become |\n| --- | --- |\n")
	if !found {
		t.Fatal("docs/mqtt.md has no table of moves")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	told := map[[2]fleet.Status]bool{}
	statuses := map[fleet.Status]bool{}
	for line := range strings.Lines(table) {
		names := status.FindAllStringSubmatch(line, -1)
		for i, m := range names {
			statuses[fleet.Status(m[1])] = true
			if i > 0 {
				told[[2]fleet.Status{fleet.Status(names[0][1]), fleet.Status(m[1])}] = true
			}
		}
	}
	if len(statuses) != 10 {
		t.Errorf("the table knows %d statuses of 10", len(statuses))
	}
	for from := range statuses {
		for to := range statuses {
			if move := [2]fleet.Status{from, to}; told[move] != fleet.CanMove(from, to) {
				t.Errorf("from %s to %s: docs/mqtt.md says %v, the program %v", from, to, told[move], !told[move])
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	setting = regexp.MustCompile("\\bDRAY_[A-Z_]+|`(data|http|mqtt|admin|store|stream|auth|ingest|webhooks|alerts|limits|map|log)\\.[a-z_.]*[a-z_]")
	target  = regexp.MustCompile("(?m)(?:`|^ *)make ([a-z][a-z-]*)")
	alert   = regexp.MustCompile("`(Dray[A-Z][A-Za-z]+)`")
)

// Every relative link of the documents leads somewhere, and every setting, make
// target and alert that they name exists.
func TestDocuments(t *testing.T) {
	keys, err := configs.Keys()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"DRAY_": true}
	for _, k := range keys {
		known[k.Env] = true
		known["`"+k.Name] = true
		for name := k.Name; strings.Contains(name, "."); { // auth.claims.* too
			name = name[:strings.LastIndex(name, ".")]
			known["`"+name] = true
		}
	}
	makefile := string(read(t, "Makefile"))
	alerts := string(read(t, "deployments/prometheus/alerts.yaml"))
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "README.md", "CONTRIBUTING.md", "SECURITY.md") {
		text := string(read(t, file))
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			}
		}
		for _, name := range setting.FindAllString(text, -1) {
			if !known[name] {
				t.Errorf("%s names the setting %s, which does not exist", file, name)
			}
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(makefile) {
				t.Errorf("%s names make %s, which does not exist", file, m[1])
			}
		}
		for _, m := range alert.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(alerts, "alert: "+m[1]+"\n") {
				t.Errorf("%s names the alert %s, which does not exist", file, m[1])
			}
		}
	}
}

var apiPath = regexp.MustCompile("`(?:(?:GET|POST|PUT|PATCH|DELETE) )?(?:/api/v1)?(/[a-z][a-z0-9_/{}.-]*)")

// Every path of the API is named in docs/http.md, and those that the documents
// name are ones of the API, or of the server beside it.
func TestPathsInTheDocuments(t *testing.T) {
	var openAPI struct{ Paths map[string]any }
	if err := json.Unmarshal(read(t, "api/openapi.json"), &openAPI); err != nil {
		t.Fatal(err)
	}
	text := string(read(t, "docs/http.md"))
	for path := range openAPI.Paths {
		if !strings.Contains(text, path+"`") && !strings.Contains(text, path+"?") {
			t.Errorf("docs/http.md does not name %s", path)
		}
	}
	id := regexp.MustCompile(`\{[a-z]+\}`)
	known := map[string]bool{"/mqtt": true, "/metrics": true, "/healthz": true, "/readyz": true, "/debug/pprof": true,
		"/driver": true, "/api/docs": true, "/openapi.json": true, "/live.proto": true, "/api/v1": true}
	for path := range openAPI.Paths {
		known[id.ReplaceAllString(path, "{}")] = true
	}
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, m := range apiPath.FindAllStringSubmatch(string(read(t, file)), -1) {
			if path := id.ReplaceAllString(m[1], "{}"); !known[path] {
				t.Errorf("%s names the path %s, which does not exist", file, m[1])
			}
		}
	}
}
