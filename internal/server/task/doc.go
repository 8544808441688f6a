// Package task runs what takes longer than a request and keeps what became of it:
// the tasks of the Proxmox API, with their names, logs and results.
//
// It stands beside the one-way flow: an interface starts a task and answers with
// its name at once, and whoever has the name asks any server how it goes. Tasks are
// in the store, the newest of them; none of the configuration depends on them.
//
// A task belongs to the server that started it. That server shows that it lives by
// writing a record again and again for as long as it has tasks that run. The others
// look at whether the record changes, by their own clocks alone, and end the tasks
// of a server whose record stands still.
package task
