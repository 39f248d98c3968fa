package dray_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/dray-fleet/dray/configs"
)

// The settings in deployments/ are ones that the program takes.
func TestDeploymentsAreConfiguredRight(t *testing.T) {
	var compose struct {
		Services map[string]struct{ Environment map[string]string }
	}
	if err := yaml.Unmarshal(read(t, "deployments/compose.yaml"), &compose); err != nil {
		t.Fatal(err)
	}
	var fromCompose []string
	for name, value := range compose.Services["dray"].Environment {
		fromCompose = append(fromCompose, name+"="+strings.ReplaceAll(value, "${POSTGRES_PASSWORD:?put it into deployments/.env}", "secret"))
	}
	for file, environ := range map[string][]string{
		"deployments/compose.yaml": fromCompose,
		"deployments/dray.service": linesAfter(string(read(t, "deployments/dray.service")), "Environment="),
		"deployments/Dockerfile":   linesAfter(string(read(t, "deployments/Dockerfile")), "ENV "),
	} {
		if len(environ) == 0 {
			t.Errorf("%s sets nothing", file)
		}
		if _, err := configs.Load("", environ, nil); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// linesAfter returns what follows prefix in the lines that begin with it.
func linesAfter(text, prefix string) (rest []string) {
	for line := range strings.Lines(text) {
		if r, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
			rest = append(rest, r)
		}
	}
	return rest
}

var metric = regexp.MustCompile(`\bdray_([a-z]+)_([a-z_]+)`)

var metricName = regexp.MustCompile(`"(dray_[a-z_]*[a-z]|[a-z]+(?:_[a-z]+)+)"`)

// Every metric that the program has is told to operators.
func TestMetricsAreDocumented(t *testing.T) {
	text := string(read(t, "docs/operate.md"))
	files, err := filepath.Glob("*/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		prefix := "dray_" + filepath.Dir(file) + "_"
		for _, m := range metricName.FindAllStringSubmatch(string(read(t, file)), -1) {
			if name := prefix + strings.TrimPrefix(m[1], prefix); !strings.Contains(text, "`"+name+"`") {
				t.Errorf("docs/operate.md does not have %s", name)
			}
		}
	}
}

// The metrics that the dashboard, the alerts and the documents name are ones
// that the program has: each part names its own in metrics.go.
func TestNamedMetricsExist(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(documents, "deployments/grafana/dray.json", "deployments/prometheus/alerts.yaml") {
		text := read(t, file)
		if !strings.HasSuffix(file, ".md") {
			if err := yaml.Unmarshal(text, new(map[string]any)); err != nil { // JSON is YAML
				t.Errorf("%s: %v", file, err)
			}
		}
		for _, m := range metric.FindAllStringSubmatch(string(text), -1) {
			name := strings.TrimSuffix(m[2], "_bucket")
			source := string(read(t, m[1]+"/metrics.go"))
			if !strings.Contains(source, `"`+name+`"`) && !strings.Contains(source, `"dray_`+m[1]+`_`+name+`"`) {
				t.Errorf("%s asks for %s, which %s/metrics.go does not have", file, m[0], m[1])
			}
		}
	}
}
