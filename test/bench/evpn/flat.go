package main

import (
	"bytes"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// flat is the node's state without the devices of VRFs, for a kernel that has none:
// bridges and tunnels stay, separate by their names only, and FRR's configuration stays
// the same, including VRFs, which it treats as not yet created.
func flat(want *desired.Space) {
	vrfs := map[string]bool{}
	links := want.Links[:0]
	for _, l := range want.Links {
		if l.Kind == desired.LinkVRF {
			vrfs[l.Name] = true
			continue
		}
		links = append(links, l)
	}
	want.Links = links
	for i := range want.Links {
		if vrfs[want.Links[i].Master] {
			want.Links[i].Master = ""
		}
	}
	routes := want.Routes[:0]
	for _, r := range want.Routes {
		if r.Table == 0 && !vrfs[r.Link] {
			routes = append(routes, r)
		}
	}
	want.Routes = routes
	want.Sysctls = slices.DeleteFunc(want.Sysctls, func(s desired.Sysctl) bool {
		return slices.ContainsFunc(strings.Split(s.Key, "."), func(part string) bool { return vrfs[part] })
	})
}

// flatFile is a file of interfaces without VRFs: their sections, and that others
// belong to them.
func flatFile(file []byte) []byte {
	var sections [][]byte
	for section := range bytes.SplitSeq(file, []byte("\n\n")) {
		if bytes.Contains(section, []byte("\tvrf-table ")) {
			continue
		}
		var lines [][]byte
		for line := range bytes.SplitSeq(section, []byte("\n")) {
			if !bytes.HasPrefix(line, []byte("\tvrf ")) {
				lines = append(lines, line)
			}
		}
		sections = append(sections, bytes.Join(lines, []byte("\n")))
	}
	return bytes.Join(sections, []byte("\n\n"))
}
