package nft

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"

	"github.com/google/renameio/v2"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// memory holds the last applied tables.
type memory struct {
	path   string
	Tables map[string]applied `json:"tables"`
}

// applied is one table: its source, and nft's listing of the result.
type applied struct {
	Table   desired.Table `json:"table"`
	Listing string        `json:"listing"`
}

// loadMemory reads the state file. An unreadable file counts as empty: the tables
// are then replaced once, in one transaction, which is harmless.
func loadMemory(path string) *memory {
	m := &memory{path: path}
	if b, err := os.ReadFile(path); err != nil || json.Unmarshal(b, m) != nil {
		m.Tables = nil
	}
	if m.Tables == nil {
		m.Tables = map[string]applied{}
	}
	return m
}

// put records a table.
func (m *memory) put(t desired.Table, listing string) error {
	m.Tables[tableKey(t)] = applied{Table: t, Listing: listing}
	return m.save()
}

// remove forgets a table.
func (m *memory) remove(key string) error {
	if _, known := m.Tables[key]; !known {
		return nil
	}
	delete(m.Tables, key)
	return m.save()
}

// save writes the state file atomically.
func (m *memory) save() error {
	if m.path == "" {
		return nil
	}
	b, err := json.MarshalIndent(&memory{Tables: maps.Clone(m.Tables)}, "", "\t")
	if err == nil {
		err = renameio.WriteFile(m.path, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("the rules were applied, but could not be noted in %s (they are applied once more at the next start): %w", m.path, err)
	}
	return nil
}
