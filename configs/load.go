package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Load returns the defaults overlaid with file (unless it is ""), with the
// DRAY_ variables of environ (as from os.Environ), and with the flags of
// AddFlags that were given (flags may be nil). It names every key that it does
// not know, and says of a bad value what to do.
func Load(file string, environ []string, flags *pflag.FlagSet) (*Config, error) {
	keys, err := Keys()
	if err != nil {
		return nil, err
	}
	v := viper.New()
	v.SetConfigType("yaml")
	if err := v.ReadConfig(bytes.NewReader(YAML)); err != nil {
		return nil, fmt.Errorf("dray.yaml: %w", err)
	}
	if file != "" {
		if err := merge(v, file, keys); err != nil {
			return nil, err
		}
	}
	if err := overlayEnv(v, environ, keys); err != nil {
		return nil, err
	}
	if flags != nil {
		for _, k := range keys {
			if f := flags.Lookup(k.Name); f != nil && f.Changed {
				v.Set(k.Name, f.Value.String())
			}
		}
	}
	var c Config
	err = v.UnmarshalExact(&c, viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		readScalar,
		mapstructure.StringToSliceHookFunc(","),
		mapstructure.TextUnmarshallerHookFunc(),
	)))
	if err != nil {
		return nil, decodeError(err)
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &c, nil
}

// readScalar reads durations, integers and truth values, and says of what is none
// what it should look like. A duration without a unit is refused in YAML too.
func readScalar(from, to reflect.Type, data any) (any, error) {
	text := fmt.Sprint(data)
	switch {
	case from == to:
		return data, nil
	case to == reflect.TypeFor[time.Duration]():
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a duration such as 500ms, 5s or 10m", text)
		}
		return d, nil
	case to.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", text)
		}
		return n, nil
	case to.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return b, nil
	}
	return data, nil
}

// merge overlays v with the YAML file, all of whose keys must be known.
func merge(v *viper.Viper, file string, keys []Key) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("configuration file %s does not exist", file)
	} else if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	own := viper.New()
	own.SetConfigType("yaml")
	if err := own.ReadConfig(bytes.NewReader(b)); err != nil {
		return fmt.Errorf("%s is not valid YAML: %s", file, oneLine(err))
	}
	var unknown []string
	for _, name := range own.AllKeys() {
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.Name == name }) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("unknown key in %s: %s (`dray config` prints all keys)", file, strings.Join(unknown, ", "))
	}
	return v.MergeConfigMap(own.AllSettings())
}

// serviceVar is what Kubernetes sets for a service that is named dray-….
var serviceVar = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$`)

func overlayEnv(v *viper.Viper, environ []string, keys []Key) error {
	names := make(map[string]string, len(keys))
	for _, k := range keys {
		names[k.Env] = k.Name
	}
	inKubernetes := slices.ContainsFunc(environ, func(s string) bool {
		return strings.HasPrefix(s, "KUBERNETES_SERVICE_HOST=")
	})
	var unknown []string
	for _, entry := range environ {
		env, value, _ := strings.Cut(entry, "=")
		name, known := names[env]
		switch {
		case !strings.HasPrefix(env, "DRAY_"):
		case known && value != "":
			v.Set(name, value)
		case !known && !(inKubernetes && serviceVar.MatchString(env)):
			unknown = append(unknown, env)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("unknown environment variable: %s (`dray config` prints all keys; http.addr is DRAY_HTTP_ADDR)", strings.Join(unknown, ", "))
	}
	return nil
}

// quotedKey is how mapstructure names the field at fault: 'Limits.message_rate'.
var quotedKey = regexp.MustCompile(`'[A-Za-z_.]+'`)

// decodeError makes one line of mapstructure's several, and names keys as users
// write them.
func decodeError(err error) error {
	text := strings.TrimPrefix(oneLine(err), "decoding failed due to the following error(s): ")
	return errors.New(quotedKey.ReplaceAllStringFunc(text, func(key string) string {
		return strings.ToLower(strings.Trim(key, "'"))
	}))
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
