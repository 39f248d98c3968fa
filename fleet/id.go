package fleet

// MaxID is the longest id of a fleet, driver, device, shipment or assignment.
const MaxID = 64

// ValidID reports whether s is an id: 1 to 64 of A-Z a-z 0-9 _ and -.
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > MaxID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
