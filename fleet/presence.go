package fleet

// A PresenceChange is what a driver's presence has become.
type PresenceChange struct {
	Fleet, Driver string
	Presence      Presence
}
