package configs

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// A Key is one setting of dray.yaml.
type Key struct {
	Name    string // http.addr
	Env     string // DRAY_HTTP_ADDR
	Default string // as written; a list with commas
	Doc     string // the comment above it, as one line
}

// Keys returns every key in the order of dray.yaml.
func Keys() ([]Key, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(YAML, &doc); err != nil {
		return nil, fmt.Errorf("dray.yaml: %w", err)
	}
	var keys []Key
	var walk func(prefix string, n *yaml.Node)
	walk = func(prefix string, n *yaml.Node) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			name := prefix + key.Value
			if value.Kind == yaml.MappingNode {
				walk(name+".", value)
				continue
			}
			keys = append(keys, Key{
				Name:    name,
				Env:     "DRAY_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_")),
				Default: defaultOf(value),
				Doc:     strings.ReplaceAll(strings.TrimPrefix(key.HeadComment, "# "), "\n# ", " "),
			})
		}
	}
	walk("", doc.Content[0])
	return keys, nil
}

func defaultOf(n *yaml.Node) string {
	if n.Kind != yaml.SequenceNode {
		return n.Value
	}
	var items []string
	for _, item := range n.Content {
		items = append(items, item.Value)
	}
	return strings.Join(items, ",")
}

// AddFlags adds a flag to fs for every key, under the key's name. Load reads
// those that were given.
func AddFlags(fs *pflag.FlagSet) error {
	keys, err := Keys()
	if err != nil {
		return err
	}
	for _, k := range keys {
		fs.String(k.Name, k.Default, k.Doc)
		if k.Default == "false" || k.Default == "true" {
			fs.Lookup(k.Name).NoOptDefVal = "true" // --mqtt.conformance alone
		}
	}
	return nil
}
