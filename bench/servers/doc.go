// Package servers starts the servers that are measured, each as a process of
// its own on loopback and a directory of its own, and reads from the kernel
// what they use.
package servers
