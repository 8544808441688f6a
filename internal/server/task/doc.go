// Package task runs work that is longer than a request and keeps its results: the tasks
// of the Proxmox API, with their names, logs and results.
//
// It is outside of the one-way flow: an interface starts a task and answers with its
// name at once, and a client with the name can ask any server for its progress. The
// store keeps the newest tasks; the configuration does not depend on them.
//
// A task belongs to the server that started it. While a server has running tasks, it
// writes a heartbeat record to the store. The others watch whether the record changes,
// by their own clocks only, and end the tasks of a server with a record that has
// stopped changing.
package task
