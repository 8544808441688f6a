package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"time"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// calibrate measures two pieces of work that show how fast a machine is: computation
// (JSON), and starting programs.
func calibrate(ctx context.Context) (figures, error) {
	var data any
	for range 10 {
		data = []any{data, map[string]any{"name": "vnet1", "tag": 1, "list": []any{1, 2, 3, "four", data}}}
	}
	var compute, fork []float64
	for range 5 {
		start := time.Now()
		for range 20 {
			b, err := json.Marshal(data)
			if err == nil {
				var back any
				err = json.Unmarshal(b, &back)
			}
			if err != nil {
				return nil, err
			}
		}
		compute = append(compute, time.Since(start).Seconds())
		start = time.Now()
		for range 20 {
			if err := exec.CommandContext(ctx, "true").Run(); err != nil {
				return nil, err
			}
		}
		fork = append(fork, time.Since(start).Seconds())
	}
	return figures{"compute": report.Median(compute), "fork": report.Median(fork)}, nil
}
