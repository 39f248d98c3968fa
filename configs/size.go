package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes, written plainly or with KiB, MiB or GiB.
type Size int64

// UnmarshalText reads "1048576", "256KiB", "1MiB" or "16GiB".
func (s *Size) UnmarshalText(text []byte) error {
	digits, unit := string(text), int64(1)
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		if d, ok := strings.CutSuffix(digits, u.suffix); ok {
			digits, unit = strings.TrimSpace(d), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return fmt.Errorf("%q is not a size such as 65536, 64KiB, 1MiB or 16GiB", text)
	}
	*s = Size(n * unit)
	return nil
}
