// What a node can be asked about its present state, and how the answers are shown.
import { client, type Schemas } from './client';
import { cluster, type Obj } from './cluster.svelte';
import { age, changeSigns, clock, compareNames, show } from './text';

/** An item of any answer. */
export type Row = Record<string, unknown>;

export interface Column {
	title: string;
	text: (row: Row, now: number) => string;
	mono?: boolean;
	number?: boolean;
}

export interface Subject {
	/** The subject on the wire. */
	name: string;
	title: string;
	/** What an empty answer means. */
	empty: string;
	columns: Column[];
}

const field = (title: string, name: string, more: Partial<Column> = {}): Column => ({ title, text: (row) => show(row[name]), ...more });
const mono = (title: string, name: string): Column => field(title, name, { mono: true });
const number = (title: string, name: string): Column => field(title, name, { number: true });
const upDown = (up: unknown): string => (up ? '✓ up' : '✕ down');

const leases: Column[] = [
	field('VNet', 'vnet'),
	mono('Address', 'address'),
	mono('MAC address', 'mac'),
	field('Name', 'name'),
	{ title: 'Ends in', text: (r, now) => (r['expires'] ? age(now, Date.parse(String(r['expires']))) : 'never') },
];
const change = (row: Row): string => {
	const c = row as unknown as Schemas['Change'];
	return `${changeSigns[c.action]} ${c.type} ${c.name}${(c.fields ?? []).map((f) => ` ${f.name}: ${f.old ? `${f.old} → ` : ''}${f.new ?? ''}`).join(',')}`;
};

/** One end of a packet. */
export const packetEnd = (ip: unknown, port: unknown): string => (port ? (String(ip).includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`) : show(ip));
const firewallLog: Column[] = [
	{ title: 'Time', text: (r) => clock(String(r['time'])) },
	{ title: 'Verdict', text: (r) => `${r['verdict'] === 'ACCEPT' ? '✓' : '✕'} ${r['verdict']}` },
	{ title: 'From', text: (r) => packetEnd(r['source'], r['sourcePort']), mono: true },
	{ title: 'To', text: (r) => packetEnd(r['destination'], r['destinationPort']), mono: true },
	field('Protocol', 'protocol'),
	{ title: 'Rule', text: (r) => `${r['rule']}${r['comment'] ? ` “${r['comment']}”` : ''}` },
	{ title: 'Last changed', text: (r) => (r['author'] ? `${clock(String(r['changed']))} by ${r['author']}` : '') },
	mono('In', 'in'),
	mono('Out', 'out'),
];
const logged = 'No rule has logged a packet since the agent started: only rules and policies with a log level do.';

const ofNode: Subject[] = [
	{
		name: 'interfaces', title: 'Interfaces', empty: 'The node has no interfaces.',
		columns: [mono('Name', 'name'), { title: 'State', text: (r) => upDown(r['up']) }, field('Kind', 'kind'), mono('Member of', 'master'), mono('Addresses', 'addresses'), number('MTU', 'mtu'), mono('MAC address', 'mac')],
	},
	{ name: 'routes', title: 'Routes', empty: 'There are no routes.', columns: [mono('Table', 'table'), mono('Network', 'prefix'), mono('By way of', 'via'), field('Made by', 'protocol'), number('Metric', 'metric')] },
	{ name: 'neighbors', title: 'Neighbours', empty: 'The node has resolved no address yet.', columns: [mono('Address', 'address'), mono('MAC address', 'mac'), mono('Interface', 'interface'), field('State', 'state')] },
	{
		name: 'sessions', title: 'FRR sessions', empty: 'FRR has no sessions on this node: nothing here needs a routing protocol, or its daemons do not run (see Services).',
		columns: [field('Protocol', 'protocol'), mono('Neighbour', 'neighbor'), field('State', 'state'), field('For', 'uptime'), number('AS', 'as'), number('Prefixes', 'prefixes'), mono('VRF', 'vrf'), field('Families', 'families')],
	},
	{
		name: 'services', title: 'Services', empty: 'The networks of this node need no service.',
		columns: [field('Service', 'name'), field('For', 'object'), { title: 'State', text: (r) => (r['running'] ? '✓ runs' : '✕ does not run') }, number('Process', 'pid')],
	},
	{ name: 'drift', title: 'Drift', empty: '✓ The node is as the running revision declares.', columns: [{ title: 'What the agent would change now', text: change, mono: true }, field('For', 'owner')] },
	{ name: 'node-firewall-log', title: 'Firewall log', empty: logged, columns: firewallLog },
	{
		name: 'log', title: 'Agent’s log', empty: 'The agent has logged nothing since it started.',
		columns: [{ title: 'Time', text: (r) => clock(String(r['time'])) }, { title: 'Level', text: (r) => ({ WARN: '▲ warning', ERROR: '✕ error', INFO: 'info', DEBUG: 'debug' })[String(r['level'])] ?? show(r['level']) }, { title: 'Text', text: (r) => show(r['text']), mono: true }],
	},
];

/** What nodes can be asked about an object. */
export function subjectsOf(kind: string, object: Obj, zone: Obj | undefined): Subject[] {
	const evpn = zone?.['type'] === 'evpn';
	const dhcp = Boolean(zone?.['dhcp']);
	switch (kind) {
		case 'node':
			return ofNode;
		case 'zone':
			return [
				{ name: 'bridges', title: 'Bridges', empty: 'No VNet of the zone has a bridge on this node.', columns: [mono('Bridge', 'name'), { title: 'VLAN-aware', text: (r) => show(r['vlanFiltering']) }, { title: 'Ports', text: ports, mono: true }] },
				...(evpn ? [{ name: 'ip-vrf', title: 'IP-VRF', empty: 'The VRF has no routes on this node.', columns: [mono('Network', 'prefix'), mono('Next hops', 'nextHops'), field('Protocol', 'protocol'), number('Metric', 'metric')] }] : []),
				...(dhcp ? [{ name: 'zone-leases', title: 'DHCP leases', empty: 'No guest of this node has a lease.', columns: leases }] : []),
			];
		case 'vnet':
			return [
				{ name: 'fdb', title: 'MAC addresses', empty: 'The bridge knows no MAC address.', columns: [mono('MAC address', 'mac'), mono('Port', 'port'), mono('VTEP', 'vtep'), field('State', 'state')] },
				...(evpn ? [{ name: 'mac-vrf', title: 'MAC-VRF', empty: 'BGP knows no host in this VNet.', columns: [mono('MAC address', 'mac'), mono('Address', 'ip'), mono('Next hop', 'nextHop')] }] : []),
				...(dhcp ? [{ name: 'leases', title: 'DHCP leases', empty: 'No guest of this node has a lease.', columns: leases.slice(1) }] : []),
				{ name: 'firewall', title: 'Firewall counters', empty: 'The VNet has no firewall in force on this node.', columns: [field('Rule', 'what'), field('Traffic', 'where'), number('Packets', 'packets'), number('Bytes', 'bytes')] },
				{ name: 'firewall-log', title: 'Firewall log', empty: logged, columns: firewallLog },
			];
		case 'fabric':
			return [
				{ name: 'fabric-neighbors', title: 'Neighbours', empty: 'The node has no neighbour in this fabric.', columns: [mono('Neighbour', 'name'), field('State', 'state'), field('For', 'uptime')] },
				{ name: 'fabric-routes', title: 'Routes', empty: 'No route of the node leads through this fabric.', columns: [mono('Network', 'prefix'), mono('By way of', 'via')] },
				{ name: 'fabric-interfaces', title: 'Interfaces', empty: 'No interface of the node takes part in this fabric.', columns: [mono('Interface', 'name'), field('Type', 'type'), field('State', 'state')] },
			];
	}
	return [];
}

function ports(row: Row): string {
	return (row['ports'] as Schemas['LiveBridgePort'][]).map((p) => [p.name, p.pvid ? `pvid ${p.pvid}` : '', p.vlans?.length ? `VLANs ${p.vlans.join(' ')}` : ''].filter(Boolean).join(' ')).join(', ');
}

/** The nodes that have an object, as far as they may be seen. */
export function nodesOf(kind: string, object: Obj, zone: Obj | undefined): string[] {
	const all = (cluster.status?.nodes ?? []).map((n) => n.name);
	const only = kind === 'fabric' ? cluster.list('fabric-nodes').items.filter((n) => n['fabric'] === object.id).map((n) => String(n['node'])) : (zone?.['nodes'] as string[] | undefined);
	const list = only?.length ? (all.length ? all.filter((n) => only.includes(n)) : only) : all;
	return [...list].sort(compareNames);
}

/** Asks a node. All subjects have the same operation as one of these. */
export async function ask(node: string, subject: string, object: string | undefined, signal: AbortSignal): Promise<{ rows: Row[]; notice: string }> {
	const answer = object === undefined
		? await client.GET(`/api/v1/nodes/{node}/live/${subject}` as '/api/v1/nodes/{node}/live/routes', { params: { path: { node } }, signal })
		: await client.GET(`/api/v1/nodes/{node}/live/${subject}/{zone}` as '/api/v1/nodes/{node}/live/bridges/{zone}', { params: { path: { node, zone: object } }, signal });
	return { rows: (answer.data ?? []) as unknown as Row[], notice: answer.response.headers.get('Viaduct-Notice') ?? '' };
}
