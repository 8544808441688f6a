// Package haproxy is the driver of load balancers: one HAProxy for all network namespaces of
// a node, at the end of the one-way flow. Package internal/render/haproxy renders its
// configuration.
//
// # Process
//
// HAProxy is a process in its own session that outlives the agent; the next agent finds it by
// its runtime API, a socket in the driver's directory. The process itself reports what it was
// started with: see the structure of a configuration in render/haproxy. It runs as a user of
// its own whose only capabilities are CAP_SYS_ADMIN, to enter network namespaces, and
// CAP_NET_BIND_SERVICE.
//
// There is no master process: for the load balancers of 500 tenants it holds 12 MB, starts the
// next process without a result that the driver could wait for, and ends itself when its worker
// dies. The driver watches the process instead, and starts it again.
//
// # Changes
//
//   - Servers are changed by the runtime API, and then in the file, so that a process that has
//     to be started has them too.
//   - For any other change a new process takes the listening sockets of the running one (-x),
//     which then accepts no more connections and is ended by a later pass, when it has none left.
//     No connection is refused during that. A new process that cannot start leaves the running one
//     as it is, and the file. HAProxy's own way (-sf) is of no use here: see Driver.start.
//   - A load balancer that HAProxy refuses, or whose certificate cannot be used, keeps what it
//     had; the others change.
//   - Network namespaces have names with their inode. A namespace that was removed and made again
//     is another one, and its listeners are not those of the first.
package haproxy
