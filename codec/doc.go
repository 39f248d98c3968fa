// Package codec turns payloads into the words of package fleet, one file per
// format, and encodes live frames.
//
// It does no I/O. Every decoder refuses what it cannot read wholly, with a
// *fleet.InvalidError that names the field; it never guesses and never panics,
// for the payloads come from anyone who holds a token.
package codec
