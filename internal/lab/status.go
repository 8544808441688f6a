package lab

import (
	"context"
	"fmt"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Part is one component of a lab.
type Part struct {
	Name    string
	Role    string // server, node, host, guest, outside
	Address string
	State   string // Running or the missing thing
	PID     int    // of its process, 0 if it needs none
}

// placed is a part and the argument that identifies its process, if it has one.
type placed struct {
	Part
	mark string
}

// Running is the state of a complete part.
const Running = "running"

// Parts returns the components of the lab and their states.
func (l *Lab) Parts(ctx context.Context) ([]Part, error) {
	c, err := l.Client()
	if err != nil {
		return nil, err
	}
	parts := l.parts()
	// The table reports a server that is down; its guests are unknown then.
	guests, _ := listGuests(ctx, c)
	for _, g := range guests {
		if l.isNode(g.Node) {
			parts = append(parts, placed{Part: Part{Name: label(g), Role: "guest on " + g.Node, Address: addressList(g), State: l.nsState(guestNS(label(g)))}})
		}
	}
	out := make([]Part, len(parts))
	for i, p := range parts {
		if p.mark != "" {
			if p.PID, err = l.running(p.mark); err != nil {
				return nil, err
			}
			if p.PID == 0 {
				p.State = "not running"
			}
		}
		if p.State == "" {
			p.State = Running
		}
		out[i] = p.Part
	}
	return out, nil
}

// parts returns those that do not depend on the server.
func (l *Lab) parts() []placed {
	parts := []placed{{Part: Part{Name: "server", Role: "server", Address: "https://" + l.API}, mark: l.serverData()}}
	for _, n := range l.Spec.Nodes {
		parts = append(parts, placed{Part: Part{Name: n.Name, Role: "node", Address: n.Address.String(), State: l.nsState(n.Name)}, mark: l.nodeData(n.Name)})
		parts = append(parts, l.ovsParts(n)...)
	}
	for _, h := range l.Spec.Hosts {
		address := ""
		if h.Address.IsValid() {
			address = h.Address.String()
		}
		parts = append(parts, placed{Part: Part{Name: h.Name, Role: "host", Address: address, State: l.nsState(h.Name)}})
	}
	return append(parts, placed{Part: Part{Name: outsideNS, Role: "outside", Address: OutsideHost.String(), State: l.nsState(outsideNS)}})
}

func (l *Lab) nsState(name string) string {
	if l.hasNS(name) {
		return ""
	}
	return "no namespace"
}

func addressList(g *model.Guest) string {
	var out []string
	for _, nic := range g.NICs {
		for _, a := range nic.IPs {
			out = append(out, a.String())
		}
	}
	return strings.Join(out, ",")
}

// Namespace returns the full name of the namespace of a node, a host, a guest, or
// the outside host.
func (l *Lab) Namespace(name string) (string, error) {
	short, err := l.machine(name)
	if err != nil {
		return "", err
	}
	return l.ns(short), nil
}

// Command returns a command line that runs a command on a machine of the lab, with
// the machine's own view of the file system, in the directory dir if the machine
// sees that.
func (l *Lab) Command(name, dir string, argv []string) ([]string, error) {
	short, err := l.machine(name)
	if err != nil {
		return nil, err
	}
	enter, err := l.enter(short, dir)
	if err != nil {
		return nil, err
	}
	return append(enter, argv...), nil
}

// machine returns the short name of the namespace of a node, a host, a guest, or
// the outside host.
func (l *Lab) machine(name string) (string, error) {
	for _, short := range []string{name, guestNS(name)} {
		if l.hasNS(short) {
			return short, nil
		}
	}
	// A guest may be identified by its number, which only the server knows.
	if _, g, err := l.find(context.Background(), name); err == nil && l.hasNS(guestNS(label(g))) {
		return guestNS(label(g)), nil
	}
	return "", fmt.Errorf("lab %q has no node, host or running guest %q; `viaduct lab status` lists them", l.Name, name)
}
