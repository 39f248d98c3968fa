package fleet

import (
	"strings"
	"unicode/utf8"
)

// ValidText reports whether s can be stored as text: UTF-8 without NUL, which
// PostgreSQL has no room for.
func ValidText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}
