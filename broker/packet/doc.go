// Package packet reads, checks and writes the control packets of MQTT 3.1.1
// and MQTT 5.
//
// Its readers judge what a client sends: a frame for which they return no error
// breaks no rule of the specifications that can be seen in that frame alone. What depends on
// the connection (a second CONNECT, a topic alias above the maximum, a packet
// id in use) or on policy (levels of a filter, granted QoS) is the caller's. References
// such as [MQTT-3.3.1-2] name conformance statements of MQTT 5; those of 3.1.1
// are named as such.
//
// It does no I/O, keeps nothing, and never panics whatever it is given.
// Split, ParsePublish, ParseAck, Outbound and the Append functions do not allocate,
// but for the error or the growth of dst.
package packet
