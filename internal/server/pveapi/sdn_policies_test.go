package pveapi_test

import "testing"

func TestPrefixListsLive(t *testing.T) {
	e, root := sdnEnv(t)
	const lists, locked = "/cluster/sdn/prefix-lists", "error during cfs-locked 'domain-sdn' operation: "
	e.live(t, root, []step{
		{"POST", lists, "id=nets&entries=action=permit,prefix=10.0.0.0/8,le=24&entries=action=deny,prefix=::/0", `null`},
		{"GET", lists, "", `[{"id":"nets"}]`},
		{"GET", lists + "/nets", "", `{"entries":["action=permit,prefix=10.0.0.0/8,le=24,seq=5","action=deny,prefix=::/0,seq=10"],"id":"nets"}`},
		{"POST", lists, "id=nets", "500 adding prefix list failed: " + locked + "prefix list 'nets' already defined"},
		{"POST", lists + "/nets/entries", "action=permit&prefix=192.0.2.0/24&ge=25", `null`},
		{"PUT", lists + "/nets/entries/5", "delete=le&action=deny", `null`},
		{"DELETE", lists + "/nets/entries/10", "", `null`},
		{"GET", lists + "/nets/entries", "", `[{"action":"deny","prefix":"10.0.0.0/8","seq":5},{"action":"permit","ge":25,"prefix":"192.0.2.0/24","seq":15}]`},
		{"GET", lists + "/nets/entries/15", "", `{"action":"permit","ge":25,"prefix":"192.0.2.0/24","seq":15}`},
		{"GET", lists + "/nets/entries/10", "", "500 entry 10 of prefix list 'nets' does not exist"},
		{"GET", lists + "?pending=1&verbose=1", "", `[{"id":"nets","pending":{"entries":["action=deny,prefix=10.0.0.0/8,seq=5","action=permit,prefix=192.0.2.0/24,ge=25,seq=15"]},"state":"new"}]`},
		{"PUT", lists + "/nets", "entries=nonsense", "500 updating prefix list failed: 400 Parameter verification failed.\nentries: invalid format - nonsense: unknown part of an entry"},
		{"POST", "/cluster/sdn/fabrics/fabric", "id=spine&protocol=ospf&ip_prefix=10.20.0.0/24&area=0&route_filter=nets", `null`},
		{"DELETE", lists + "/none", "", "500 deleting prefix list failed: " + locked + "prefix list 'none' does not exist"},
	})
	if got := e.call(t, root, "DELETE", lists+"/nets", ""); got.Status != 500 {
		t.Errorf("a list in use was deleted: %s", got.body)
	}
	e.live(t, root, []step{
		{"DELETE", "/cluster/sdn/fabrics/fabric/spine", "", `null`}, {"DELETE", lists + "/nets", "", `null`}, {"GET", lists, "", `[]`},
	})
}

func TestRouteMapsLive(t *testing.T) {
	e, root := sdnEnv(t)
	const maps, locked = "/cluster/sdn/route-maps", "error during cfs-locked 'domain-sdn' operation: "
	e.live(t, root, []step{
		{"POST", maps + "/entries", "route-map-id=in&order=10&action=permit&match=key=vni,value=10100&set=key=local-preference,value=200&exit-action=key=on-match-goto,value=20", `null`},
		{"POST", maps + "/entries", "route-map-id=in&order=20&action=deny", `null`},
		{"POST", maps + "/entries", "route-map-id=in&order=20&action=deny", "500 adding route map entry failed: " + locked + "route map entry 'in_20' already defined"},
		{"POST", maps + "/entries", "route-map-id=in&order=30&action=deny&match=key=colour,value=red", "500 adding route map entry failed: 400 Parameter verification failed.\nmatch: invalid format - key=colour,value=red: the key is one of ip-address-prefix-list, ip-next-hop-address, ip-next-hop-prefix-list, ip6-address-prefix-list, ip6-next-hop-address, ip6-next-hop-prefix-list, local-preference, metric, peer, route-type, tag, vni"},
		{"GET", maps, "", `[{"id":"in"}]`},
		{"GET", maps + "/entries/in", "", `[{"action":"permit","exit-action":"key=on-match-goto,value=20","id":"in_10","match":["key=vni,value=10100"],"order":10,"route-map-id":"in","set":["key=local-preference,value=200"]},{"action":"deny","id":"in_20","order":20,"route-map-id":"in"}]`},
		{"GET", maps + "/entries/in/entry/20", "", `{"action":"deny","id":"in_20","order":20,"route-map-id":"in"}`},
		{"PUT", maps + "/entries/in/entry/10", "delete=exit-action&set=key=tag,value=5", `null`},
		{"DELETE", maps + "/entries/in/entry/20", "", `null`},
		{"GET", maps + "/entries?pending=1", "", `[{"id":"in_10","order":10,"pending":{"action":"permit","id":"in_10","match":["key=vni,value=10100"],"order":10,"route-map-id":"in","set":["key=tag,value=5"]},"route-map-id":"in","state":"new"}]`},
		{"DELETE", maps + "/entries/in/entry/10", "", `null`},
		{"GET", maps, "", `[]`},
	})
}
