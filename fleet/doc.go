// Package fleet holds the words of the business: fleets and their drivers, the
// positions they report, and the topics those reports travel on.
//
// It does no I/O and imports nothing but the standard library. A value that has
// passed its Parse or Validate function is valid; code further in never checks
// again.
package fleet
