// What is there already, for proposals of free names, numbers and networks.
import { client, data, type Schemas } from './client';
import { cluster } from './cluster.svelte';
import { formatNetwork, freeNetwork, parseNetwork, type Network } from './ip';

/** What nodes reported that proposals are made of. */
export interface World {
	nodes: string[];
	/** Address of each node in the network that most of them share. */
	addresses: string[];
	/** Bridges, and other interfaces, that all nodes have. */
	bridges: string[];
	interfaces: string[];
	networks: Network[];
}

type Interface = Schemas['Interface'];

/** Reads what proposals are made of. */
export async function readWorld(): Promise<World> {
	const status = await data(client.GET('/api/v1/status', { params: { query: { facts: 'all' } } })).catch(() => undefined);
	const nodes = (status?.nodes ?? []).filter((n) => n.report?.facts);
	const facts = nodes.map((n) => n.report!.facts!);
	const own = new Set(cluster.list('vnets').items.map((v) => v.id));
	const hardware = facts.map((f) => (f.interfaces ?? []).filter((i) => i.name !== 'lo' && !own.has(i.name) && i.up));
	const bridges = facts.map((f, i) => [...hardware[i]!.filter((h) => h.kind === 'bridge' && !h.name.startsWith('vrfbr_')).map((h) => h.name), ...(f.ovsBridges ?? [])]);
	const ports = hardware.map((all) => all.filter((h) => !h.master && h.kind !== 'bridge' && h.kind !== 'vrf' && h.kind !== 'vxlan').map((h) => h.name));
	return {
		nodes: nodes.map((n) => n.name),
		addresses: underlay(hardware),
		bridges: common(bridges),
		interfaces: common(ports),
		networks: [...hardware.flat().flatMap((h) => h.addresses ?? []), ...facts.flatMap((f) => (f.routes ?? []).map((r) => r.dst))]
			.concat(cluster.list('subnets').items.map((s) => String(s['cidr'] ?? s.id)), cluster.list('fabrics').items.map((f) => String(f['ip-prefix'] ?? '')))
			.map((text) => parseNetwork(text))
			.filter((n) => n !== undefined && n.bits > 0) as Network[],
	};
}

/** The address of each node in the network that most nodes have an address in. */
function underlay(nodes: Interface[][]): string[] {
	const by = new Map<string, (string | undefined)[]>();
	nodes.forEach((all, at) => {
		for (const i of all)
			for (const text of i.addresses ?? []) {
				const network = parseNetwork(text);
				if (!network || network.family !== 4 || network.bits >= 32 || text.startsWith('169.254.')) continue;
				const key = formatNetwork(network);
				const row = by.get(key) ?? Array<string | undefined>(nodes.length).fill(undefined);
				row[at] ??= text.split('/')[0];
				by.set(key, row);
			}
	});
	const rows = [...by.values()].map((row) => row.filter((a) => a !== undefined));
	return rows.sort((a, b) => b.length - a.length)[0] ?? [];
}

/** The names that are in all lists. */
function common(lists: string[][]): string[] {
	const [first = [], ...rest] = lists;
	return [...new Set(first)].filter((name) => rest.every((list) => list.includes(name)));
}

/** The first name of a stem and a number that no object of the kind has. */
export function freeName(plural: string, stem: string): string {
	const used = new Set(cluster.list(plural).items.map((o) => o.id));
	for (let n = 1; ; n++) if (!used.has(stem + n)) return stem + n;
}

/** The first number from one on that no VNet of a type of zone has as its tag, with as many free ones after it. */
export function freeTag(types: string[], from: number, many = 1): number {
	const zones = new Map(cluster.list('zones').items.map((z) => [z.id, z]));
	const used = new Set<number>();
	for (const v of cluster.list('vnets').items) if (types.includes(String(zones.get(String(v['zone']))?.['type'] ?? ''))) used.add(Number(v['tag']));
	for (const z of zones.values()) if (types.includes('evpn') && z['vrf-vxlan']) used.add(Number(z['vrf-vxlan']));
	for (let n = from; ; n++) if (!Array.from({ length: many }, (_, i) => n + i).some((one) => used.has(one))) return n;
}

/** A private network that nothing uses yet. */
export function freeSubnet(world: World): string {
	const found = freeNetwork(world.networks);
	return found ? formatNetwork(found) : '';
}
