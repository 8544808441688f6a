"""Lives the life of every kind of network object, as proxmoxer's users do.

    life.py HOST:PORT ticket USER PASSWORD
    life.py HOST:PORT token  USER NAME SECRET

It prints a line for everything that it has seen to be right, and ends with an
exception otherwise.
"""

import sys
import time

from proxmoxer import ProxmoxAPI, ResourceException
import urllib3

urllib3.disable_warnings()  # the certificate is the server's own


def connect(address, how, user, *secret):
    host, _, port = address.rpartition(":")
    if how == "ticket":
        return ProxmoxAPI(host, port=int(port), user=user, password=secret[0], verify_ssl=False)
    return ProxmoxAPI(host, port=int(port), user=user, token_name=secret[0], token_value=secret[1], verify_ssl=False)


def equal(got, want, what):
    got = {k: v for k, v in got.items() if k != "digest"}
    assert got == want, f"{what}: {got} instead of {want}"


def refused(call, *texts):
    try:
        call()
    except ResourceException as e:
        for text in texts:
            assert text in str(e), f"{text!r} is not in {e}"
        return e
    raise AssertionError(f"not refused: {texts}")


def zones(sdn):
    life = [
        (dict(zone="simple1", type="simple", mtu=9000, ipam="pve", dhcp="dnsmasq"), dict(mtu=1500), "dhcp"),
        (dict(zone="vlan1", type="vlan", bridge="vmbr0"), dict(bridge="vmbr1"), "mtu"),
        (dict(zone="qinq1", type="qinq", bridge="vmbr0", tag=100), {"vlan-protocol": "802.1ad"}, "mtu"),
        (dict(zone="vxlan1", type="vxlan", peers="192.0.2.1,192.0.2.2"), dict(peers="192.0.2.1"), "mtu"),
        ({"zone": "evpn1", "type": "evpn", "controller": "evpnctl", "vrf-vxlan": 10000, "mac": "BC:24:11:00:00:01",
          "advertise-subnets": 0, "rt-import": "65000:1,65000:2"}, {"advertise-subnets": 1}, "rt-import"),
    ]
    for made, change, gone in life:
        sdn.zones.post(**made)
        one = sdn.zones(made["zone"])
        equal(one.get(), made, "a zone as it was made")
        one.put(**change, delete=gone)
        now = {**made, **change}
        now.pop(gone, None)
        equal(one.get(), now, "a zone as it was changed")
        assert one.get(pending=1)["state"] == "new"
    assert [z["zone"] for z in sdn.zones.get()] == sorted(m["zone"] for m, _, _ in life)
    refused(lambda: sdn.zones.post(zone="simple1", type="simple"), "500", "already defined")
    refused(lambda: sdn.zones("none").get(), "500", "sdn 'none' does not exist")
    refused(lambda: sdn.zones.post(zone="x", type="simple"), "400", "Parameter verification failed")
    print("zones of five types are made, read, changed and refused")


def vnets(sdn):
    sdn.vnets.post(vnet="vnet1", zone="simple1", alias="first (of two)", **{"isolate-ports": 1})
    sdn.vnets.post(vnet="vnet2", zone="evpn1", tag=10100)
    equal(sdn.vnets("vnet2").get(), {"vnet": "vnet2", "zone": "evpn1", "tag": 10100, "type": "vnet"}, "a VNet")
    sdn.vnets("vnet1").put(alias="changed", delete="isolate-ports")
    equal(sdn.vnets("vnet1").get(), {"vnet": "vnet1", "zone": "simple1", "alias": "changed", "type": "vnet"}, "a changed VNet")
    subnets = sdn.vnets("vnet1").subnets
    subnets.post(subnet="10.0.1.0/24", type="subnet", gateway="10.0.1.1", snat=1,
                 **{"dhcp-range": ["start-address=10.0.1.10,end-address=10.0.1.19", "start-address=10.0.1.30,end-address=10.0.1.39"]})
    subnets.post(subnet="2001:DB8::/64", type="subnet", gateway="2001:DB8::1")
    one = subnets("simple1-10.0.1.0-24")
    assert one.get()["dhcp-range"][1] == {"start-address": "10.0.1.30", "end-address": "10.0.1.39"}
    one.put(gateway="10.0.1.254", delete="snat")
    assert one.get()["gateway"] == "10.0.1.254" and "snat" not in one.get()
    assert subnets("simple1-2001:DB8::-64").get()["cidr"] == "2001:DB8::/64"
    refused(lambda: subnets.post(subnet="10.0.2.0/24", type="subnet", gateway="10.9.9.9"), "500", "create sdn subnet object failed: 400 Parameter verification failed")
    refused(lambda: sdn.vnets("vnet1").delete(), "500", "delete sdn vnet object failed: 400 Parameter verification failed")
    print("VNets and subnets of both families are made, read, changed and refused")


def addresses(sdn):
    ips, mac = sdn.vnets("vnet1").ips, "BC:24:11:00:00:01"
    ips.post(zone="simple1", mac=mac, ip="10.0.1.10")
    refused(lambda: ips.post(zone="simple1", mac="BC:24:11:00:00:02", ip="10.0.1.10"), "500", "already exist")
    refused(lambda: ips.post(zone="simple1", mac=mac, ip="10.0.1.254"), "500", "already exist", "gateway")
    refused(lambda: ips.put(zone="simple1", mac="BC:24:11:00:00:02", ip="10.0.1.11"), "500")
    ips.put(zone="simple1", mac=mac, ip="10.0.1.11", vmid=100)
    status = {row["ip"]: row for row in sdn.ipams("pve").status.get()}
    assert status.pop("10.0.1.254")["gateway"] == 1 and status.pop("2001:db8::1")["gateway"] == 1
    assert status == {"10.0.1.11": {"zone": "simple1", "vnet": "vnet1", "subnet": "10.0.1.0/24", "ip": "10.0.1.11", "mac": mac, "vmid": 100}}, status
    refused(lambda: sdn.vnets("vnet1").subnets("simple1-10.0.1.0-24").delete(), "500", "cannot delete subnet '10.0.1.0/24', not empty")
    ips.delete(zone="simple1", mac=mac, ip="10.0.1.11")
    assert len(sdn.ipams("pve").status.get()) == 2
    print("addresses are given, moved, told, taken, and keep their subnet")


def firewall(proxmox):
    vnet, cluster = proxmox.cluster.sdn.vnets("vnet1").firewall, proxmox.cluster.firewall
    cluster.options.put(enable=1)
    cluster.aliases.post(name="office", cidr="198.51.100.0/24")
    cluster.ipset.post(name="admins")
    cluster.ipset("admins").post(cidr="198.51.100.7")
    cluster.groups.post(group="web")
    cluster.groups("web").post(type="in", action="ACCEPT", macro="HTTPS", enable=1)
    refs = {r["ref"] for r in cluster.refs.get()}
    assert {"+dc/admins", "dc/office"} <= refs, refs
    vnet.options.put(enable=1, policy_forward="DROP", log_level_forward="info")
    equal(vnet.options.get(), {"enable": 1, "policy_forward": "DROP", "log_level_forward": "info"}, "the options of a firewall")
    vnet.rules.post(type="forward", action="ACCEPT", macro="SSH", source="+dc/admins", enable=1)
    vnet.rules.post(type="group", action="web", enable=1)
    refused(lambda: vnet.rules.post(type="forward", action="ACCEPT", source="+dc/nobody", enable=1), "Parameter verification failed")
    assert [(r["pos"], r["type"], r["action"]) for r in vnet.rules.get()] == [(0, "group", "web"), (1, "forward", "ACCEPT")]
    vnet.rules("0").put(moveto=2)  # proxmoxer takes the number 0 for nothing
    vnet.rules("0").put(comment="from the office", source="dc/office")
    one = vnet.rules("0").get()
    assert (one["macro"], one["source"], one["comment"]) == ("SSH", "dc/office", "from the office"), one
    vnet.rules("1").delete()
    vnet.rules("0").delete()
    vnet.options.put(delete="enable,policy_forward,log_level_forward")
    cluster.groups("web").delete("0")
    cluster.groups("web").delete()
    cluster.ipset("admins").delete("198.51.100.7")
    cluster.ipset("admins").delete()
    cluster.aliases("office").delete()
    print("firewalls have options, rules, groups, IP sets and aliases")


def controllers(sdn):
    sdn.controllers.post(controller="evpnctl", type="evpn", asn=65000, peers="192.0.2.1,192.0.2.2")
    sdn.controllers.post(controller="bgpn1", type="bgp", asn=65001, node="n1", peers="192.0.2.9", ebgp=1, **{"ebgp-multihop": 2})
    sdn.controllers.post(controller="isisn1", type="isis", node="n1",
                         **{"isis-domain": "core", "isis-ifaces": "eth1", "isis-net": "49.0001.1921.6800.1002.00"})
    sdn.controllers("bgpn1").put(asn=65002, delete="ebgp-multihop")
    equal(sdn.controllers("bgpn1").get(), dict(controller="bgpn1", type="bgp", asn=65002, node="n1", peers="192.0.2.9", ebgp=1), "a controller")
    print("controllers of three types are made, read and changed")


def fabrics(sdn):
    sdn.fabrics.fabric.post(id="ring", protocol="openfabric", ip_prefix="10.10.10.0/24", hello_interval=1)
    sdn.fabrics.fabric.post(id="spine", protocol="ospf", ip_prefix="10.20.0.0/24", area="0.0.0.0")
    sdn.fabrics.node("ring").post(node_id="n1", protocol="openfabric", ip="10.10.10.1", interfaces=["name=eth1", "name=eth2"])
    sdn.fabrics.node("spine").post(node_id="n1", protocol="ospf", ip="10.20.0.1", interfaces=["name=eth3"])
    sdn.fabrics.fabric("ring").put(protocol="openfabric", csnp_interval=5, delete=["hello_interval"])
    equal(sdn.fabrics.fabric("ring").get(), dict(id="ring", protocol="openfabric", ip_prefix="10.10.10.0/24", csnp_interval=5), "a fabric")
    sdn.fabrics.node("ring")("n1").put(protocol="openfabric", interfaces=["name=eth1,hello_multiplier=3"])
    equal(sdn.fabrics.node("ring")("n1").get(), dict(fabric_id="ring", node_id="n1", protocol="openfabric", ip="10.10.10.1",
                                                    interfaces=["name=eth1,hello_multiplier=3"]), "a node of a fabric")
    both = sdn.fabrics("all").get()
    assert [f["id"] for f in both["fabrics"]] == ["ring", "spine"] and len(both["nodes"]) == 2
    print("fabrics and their nodes are made, read and changed")


def apply(proxmox, **params):
    upid = proxmox.cluster.sdn.put(**params)
    node = upid.split(":")[1]
    for _ in range(100):
        status = proxmox.nodes(node).tasks(upid).status.get()
        if status["status"] == "stopped":
            assert status["exitstatus"] == "OK", status
            return
        time.sleep(0.1)
    raise AssertionError(f"{upid} does not end")


def transactions(proxmox):
    sdn = proxmox.cluster.sdn
    apply(proxmox)
    assert all("state" not in z for z in sdn.zones.get(pending=1)), "nothing is pending after an apply"
    token = sdn.lock.post()
    refused(lambda: sdn.zones("simple1").put(mtu=1400), "500", "invalid lock token")
    sdn.zones("simple1").put(mtu=1400, **{"lock-token": token})
    changed = sdn.zones("simple1").get(pending=1)
    assert changed["state"] == "changed" and changed["mtu"] == 1500 and changed["pending"]["mtu"] == 1400, changed
    sdn.rollback.post(**{"lock-token": token, "release-lock": 1})
    assert sdn.zones("simple1").get()["mtu"] == 1500
    token = sdn.lock.post()
    sdn.vnets("vnet1").put(alias="under the lock", **{"lock-token": token})
    apply(proxmox, **{"lock-token": token, "release-lock": 1})
    digest = sdn.zones("simple1").get()["digest"]
    sdn.zones("vlan1").put(mtu=1400)
    refused(lambda: sdn.zones("simple1").put(mtu=1300, digest=digest), "500", "detected modified configuration")
    print("changes are applied by a task, locked, rolled back, and refused when others were faster")


def destroy(proxmox):
    sdn = proxmox.cluster.sdn
    for s in sdn.vnets("vnet1").subnets.get():
        sdn.vnets("vnet1").subnets(s["subnet"]).delete()
    for v in sdn.vnets.get():
        sdn.vnets(v["vnet"]).delete()
    refused(lambda: sdn.controllers("evpnctl").delete(), "500", "is used by evpn1")
    for z in sdn.zones.get():
        sdn.zones(z["zone"]).delete()
    for c in sdn.controllers.get():
        sdn.controllers(c["controller"]).delete()
    for f in sdn.fabrics.fabric.get():
        sdn.fabrics.fabric(f["id"]).delete()
    assert all(z["state"] == "deleted" for z in sdn.zones.get(pending=1))
    apply(proxmox)
    assert sdn.zones.get() == sdn.vnets.get() == sdn.controllers.get() == sdn.fabrics.fabric.get() == sdn.fabrics.node.get() == []
    print("all is destroyed in order")


def main():
    proxmox = connect(*sys.argv[1:])
    assert proxmox.version.get()["release"]
    sdn = proxmox.cluster.sdn
    controllers(sdn)
    zones(sdn)
    vnets(sdn)
    addresses(sdn)
    firewall(proxmox)
    fabrics(sdn)
    transactions(proxmox)
    destroy(proxmox)


main()
