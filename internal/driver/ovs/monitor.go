package ovs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// tableUpdates are the changed rows, by table and identifier (RFC 7047, section
// 4.1.6).
type tableUpdates map[string]map[string]struct {
	New row `json:"new"`
}

// decodeUpdate returns the rows of an update notification; other messages have
// none.
func decodeUpdate(m message) (tableUpdates, error) {
	if m.Method != "update" {
		return nil, nil
	}
	var params []json.RawMessage
	var updates tableUpdates
	if err := json.Unmarshal(m.Params, &params); err != nil || len(params) != 2 {
		return nil, fmt.Errorf("Open vSwitch's database sent an update that makes no sense: %s", m.Params) //nolint:staticcheck // a name
	}
	return updates, json.Unmarshal(params[1], &updates)
}

// reached reports whether ovs-vswitchd has carried out the configuration with this
// number.
func (u tableUpdates) reached(config int64) bool {
	for _, r := range u[database] {
		if n, ok := number(r.New["cur_cfg"]); ok && n >= config {
			return true
		}
	}
	return false
}

// retry is the delay of Events before it tries the database again.
const retry = 5 * time.Second

// Events returns a channel that receives a value after a change of the database
// that is relevant to this driver, also when Open vSwitch starts or stops. It holds
// at most one value: any number of changes before it is read are one wake-up.
// Changes by Viaduct wake too. The channel is closed when ctx ends.
func (d *Driver) Events(ctx context.Context) (<-chan struct{}, error) {
	wake := make(chan struct{}, 1)
	ring := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	go func() {
		defer close(wake)
		timer := time.NewTimer(0)
		defer timer.Stop()
		for missed := false; ; missed = true {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			d.listen(ctx, missed, ring)
			timer.Reset(retry)
		}
	}()
	return wake, nil
}

// listen calls ring for every change until the connection ends. If changes may have
// been missed before, connecting counts as one.
func (d *Driver) listen(ctx context.Context, missed bool, ring func()) {
	c, err := dial(ctx, d.socket)
	if err != nil {
		return
	}
	defer c.close()
	watch := func(columns ...string) any { return map[string]any{"columns": columns} }
	tables := map[string]any{
		database:    watch("bridges", "other_config"),
		"Bridge":    watch("name", "ports", "datapath_type", "external_ids"),
		"Port":      watch("name", "interfaces", "tag", "vlan_mode", "trunks", "other_config", "external_ids"),
		"Interface": watch("name", "type", "options", "mtu_request", "error", "ofport"),
	}
	var first json.RawMessage
	if err := c.call(ctx, "monitor", []any{database, nil, tables}, &first, func(message) { ring() }); err != nil {
		return
	}
	if missed {
		ring()
	}
	for {
		if _, err := c.next(ctx); err != nil {
			if ctx.Err() == nil {
				ring() // Open vSwitch stopped
			}
			return
		}
		ring()
	}
}
