// Package pki implements trust in the cluster: the certificate authority, the certificates
// of servers, nodes and administrators, and the one-time tokens by which nodes join.
// Servers use Authority; agents use Join, Renew and AgentTLS.
//
// # What is stored
//
//	pki/ca          the authority's certificate and key
//	token/<id>      the hash of a join token's secret, its end, its node
//	member/<name>   a node that has joined and its certificate's serial number
//	pki/administrator/<serial>  an administrator's certificate, and whether it was revoked
//
// The authority's key is in the store so that every server of the cluster can issue
// certificates. Anyone who can read the store therefore controls the cluster: an external
// etcd must be reachable by the servers only, with TLS, and backups of a data directory
// must be protected like the key itself.
//
// # Names in certificates
//
// The organizational unit is the purpose of a certificate: "server", "node" or "admin".
// The common name of a node's certificate is the node's name, that of an administrator's
// the name in the history. Only servers have certificates for TLS servers, so a node
// cannot pose as one.
package pki
