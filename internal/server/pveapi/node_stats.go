package pveapi

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// nodeRow returns a node as lists show it. As in Proxmox, it has the load of an online
// node only for callers who may see the node (PVE::API2Tools, extract_node_stats).
func nodeRow(c *Call, n *host) schema.Object {
	o := schema.Object{"type": "node", "id": "node/" + n.Name, "node": n.Name, "status": n.status(), "level": ""}
	if n.status() != statusOnline || !c.May(nodePath(n.Name), access.SysAudit) || n.Report == nil || n.Report.Load == nil {
		return o
	}
	l := n.Report.Load
	o["cpu"], o["maxcpu"] = l.CPU, l.CPUs
	o["mem"], o["maxmem"] = l.Memory, l.MemoryTotal
	o["disk"], o["maxdisk"] = l.Disk, l.DiskTotal
	o["uptime"] = n.uptime(time.Now())
	return o
}

// uptime returns how long a node has run, in seconds.
func (n *host) uptime(now time.Time) int64 {
	return max(0, int64(now.Sub(n.Report.Load.Booted)/time.Second))
}

// listNodes lists the nodes. The fingerprint in each row is that of the certificate of
// the node's API, which is the server's: nodes of Viaduct have no API of their own.
func (h *Handler) listNodes(c *Call) (any, error) {
	nodes, err := h.hosts()
	if err != nil {
		return nil, err
	}
	fingerprint, err := h.fingerprint()
	if err != nil {
		return nil, err
	}
	out := []schema.Object{}
	for i := range nodes {
		o := nodeRow(c, &nodes[i])
		if fingerprint != "" {
			o["ssl_fingerprint"] = fingerprint
		}
		out = append(out, o)
	}
	return out, nil
}

// fingerprint returns the SHA-256 of the server's certificate in Proxmox's form; empty
// without a certificate.
func (h *Handler) fingerprint() (string, error) {
	if h.Certificate == nil {
		return "", nil
	}
	cert, err := h.Certificate()
	if err != nil {
		return "", fmt.Errorf("cannot read the server's certificate: %w", err)
	}
	sum := sha256.Sum256(cert.Raw)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":"), nil
}

// loadOf returns the load in the status of a node, in Proxmox's terms.
func (n *host) loadOf() schema.Object {
	if n.Report == nil || n.Report.Load == nil {
		return nil
	}
	l := n.Report.Load
	return schema.Object{
		"cpu": l.CPU, "uptime": n.uptime(time.Now()),
		"cpuinfo": schema.Object{"cpus": l.CPUs},
		"memory":  schema.Object{"total": l.MemoryTotal, "used": l.Memory, "free": l.MemoryTotal - l.Memory},
		"rootfs":  schema.Object{"total": l.DiskTotal, "used": l.Disk, "free": l.DiskTotal - l.Disk, "avail": l.DiskTotal - l.Disk},
	}
}

// emptyOperations are calls that clients make before others, about things that a Viaduct
// cluster does not have: they answer like a Proxmox VE where nothing is configured.
func (h *Handler) emptyOperations() []Operation {
	return []Operation{
		{
			Method: "GET", Path: "/cluster/options", Doc: "Read the options of the datacenter: always empty.",
			Handle: func(*Call) (any, error) { return schema.Object{}, nil },
		},
		{
			Method: "GET", Path: "/nodes/{node}/subscription", Doc: "Return the subscription of a node: always none.",
			Params: []schema.Property{nodeParam()},
			Handle: func(c *Call) (any, error) {
				if _, err := h.host(c.Text("node")); err != nil {
					return nil, err
				}
				return schema.Object{"status": "notfound", "message": "There is no subscription key"}, nil
			},
		},
		{
			Method: "GET", Path: "/access/tfa", Doc: "List the second factors of users: always empty.",
			Handle: func(*Call) (any, error) { return []schema.Object{}, nil },
		},
	}
}
