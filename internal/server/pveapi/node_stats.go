package pveapi

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// nodeRow is a node as lists show it. Like Proxmox it tells the load of a node that is
// online to those who may look at the node (PVE::API2Tools, extract_node_stats).
func nodeRow(c *Call, n *host) schema.Object {
	o := schema.Object{"type": "node", "id": "node/" + n.Name, "node": n.Name, "status": n.word(), "level": ""}
	if n.word() != wordOnline || !c.May(nodePath(n.Name), access.SysAudit) || n.Report == nil || n.Report.Load == nil {
		return o
	}
	l := n.Report.Load
	o["cpu"], o["maxcpu"] = l.CPU, l.CPUs
	o["mem"], o["maxmem"] = l.Memory, l.MemoryTotal
	o["disk"], o["maxdisk"] = l.Disk, l.DiskTotal
	o["uptime"] = n.uptime(time.Now())
	return o
}

// uptime is for how many seconds a node has run.
func (n *host) uptime(now time.Time) int64 {
	return max(0, int64(now.Sub(n.Report.Load.Booted)/time.Second))
}

// listNodes lists the nodes. The fingerprint beside each is that of the certificate by
// which the API of the node is reached, which is the server's: nodes of Viaduct have no
// API of their own.
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

// fingerprint is the SHA-256 of the server's certificate, as Proxmox writes it; empty
// where there is none.
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

// loadOf is what the status of a node tells of its load, in Proxmox's words.
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

// emptyOperations are calls that clients make before others, about what a cluster of
// Viaduct has none of: they answer as those of a Proxmox VE where nothing is set.
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
