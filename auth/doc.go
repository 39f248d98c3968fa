// Package auth says who somebody is and what they may do: it verifies and
// mints tokens, holds the keys, and answers from the claims who may publish or
// subscribe to what (docs/mqtt.md).
//
// It fails closed: what is missing, unknown or of the wrong shape is refused,
// never defaulted.
package auth
