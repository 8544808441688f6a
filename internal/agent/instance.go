package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// instanceFile is the file in an agent's data directory that names the instances of FRR,
// Open vSwitch, dnsmasq and HAProxy, and the namespaces, that it uses.
const instanceFile = "instance.json"

// Instance names the node's instances on a machine with several. All fields are empty
// on real hosts, which have one of each.
type Instance struct {
	// FRRPathspace is FRR's name for one of several instances (-N).
	FRRPathspace string `json:"frrPathspace,omitempty"`
	// OVSSocket is where Open vSwitch's database listens: sockets are not bound to
	// network namespaces.
	OVSSocket string `json:"ovsSocket,omitempty"`
	// DNSMasqRoot is the directory below which the files of DHCP servers are.
	DNSMasqRoot string `json:"dnsmasqRoot,omitempty"`
	// HAProxyDir is the directory of the files of load balancers.
	HAProxyDir string `json:"haproxyDir,omitempty"`
	// NamespaceDir is the directory of the node's network namespaces.
	NamespaceDir string `json:"namespaceDir,omitempty"`
}

// Save records the instance in the agent's data directory, so that a process that
// uses LoadInstance inspects the same instances as the agent.
func (i Instance) Save(data string) error {
	b, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(data, instanceFile)
	if err := renameio.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("note the agent's settings: %w", err)
	}
	return nil
}

// LoadInstance reads what the agent of a data directory recorded; nothing if none has
// run there.
func LoadInstance(data string) (i Instance, err error) {
	path := filepath.Join(data, instanceFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return i, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &i)
	}
	if err != nil {
		return i, fmt.Errorf("%s cannot be read (%w): start the agent, which writes it", path, err)
	}
	return i, nil
}
