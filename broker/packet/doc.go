// Package packet reads, checks and writes the control packets of MQTT 3.1.1
// and MQTT 5.
//
// Its readers judge what a client sends: a frame for which they return no
// error breaks no rule of the specifications that can be seen in that frame
// alone. What depends on the connection (a second CONNECT, an alias above the
// maximum, a packet id in use) or on policy (the levels of a filter, the QoS
// granted) is the caller's. References such as [MQTT-3.3.1-2] name conformance
// statements of MQTT 5; those of 3.1.1 are named as such.
//
// The engine can decode whatever passes, but reads three things otherwise than
// the specifications do: it refuses a will without payload, it refuses a
// password of no bytes, and it misses the reason code of a DISCONNECT
// that has nothing after it (e0 01 04: disconnect with will).
//
// The package does no I/O, keeps nothing, and never panics whatever it is
// given. Split, ParsePublish, ParseAck, Outbound and the Append functions do
// not allocate, but for an error or the growth of dst.
package packet
