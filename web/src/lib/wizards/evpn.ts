// Routed networks over all nodes, with the same gateway on each of them.
import { cluster } from '../cluster.svelte';
import { firstHost, following, formatAddress, formatNetwork, freeNetwork, parseNetwork } from '../ip';
import { freeName, freeSubnet, freeTag, type World } from '../world';
import { followSubnet, subnetFields } from './subnet';
import { existingZone, isSet, newZone, put, value, withValue, zoneName, zoneOptions, type Draft, type Edit, type Wizard } from './wizard';

const way = (draft: Draft): string => value(draft, 'options', 'underlay');
const most = 20; // networks at once

export const evpn: Wizard = {
	name: 'evpn',
	title: 'EVPN fabric',
	text: 'Routed networks over all nodes: every node is the gateway of its guests, BGP tells the nodes where each guest is, and exit nodes lead outside.',
	guide: { title: 'How-to: EVPN controllers', page: 'how-to/controllers.md' },
	steps: [
		{
			title: 'Underlay',
			explain: 'The nodes tell each other by BGP where guests are. For that each needs an address that all others reach.',
			choice: {
				part: 'options',
				name: 'underlay',
				question: 'How do the nodes reach each other?',
				options: () => [
					{ value: 'peers', title: 'By the addresses that they have', text: 'nodes in one network, or routed by your own routers' },
					{ value: 'fabric', title: 'By a fabric that Viaduct makes', text: 'OpenFabric over direct links or switches; finds its way around failures' },
					...cluster.list('controllers').items.filter((c) => c['type'] === 'evpn').slice(0, 4).map((c) => ({ value: `controller:${c.id}`, title: `By controller ${c.id}`, text: 'which exists already' })),
				],
			},
			fields: [
				{ part: 'controller', name: 'id', label: 'Name of the controller', help: 'The BGP configuration that FRR runs on the nodes.', when: (d) => !way(d).startsWith('controller:') },
				{ part: 'controller', name: 'asn', label: 'Autonomous system number', help: '65000 is private; another one is only needed beside routers of your own that use it.', when: (d) => !way(d).startsWith('controller:') },
				{ part: 'controller', name: 'peers', label: 'Addresses of the nodes', help: 'One of every node, proposed from the network that they share.', when: (d) => way(d) === 'peers' },
				{ part: 'fabric', name: 'id', label: 'Name of the fabric', help: 'Up to 8 letters, digits and hyphens.', when: (d) => way(d) === 'fabric' },
				{ part: 'fabric', name: 'ip-prefix', label: 'Network of the node addresses', help: 'Each node gets one address of it, in the order of their names.', when: (d) => way(d) === 'fabric' },
				{ part: 'options', name: 'links', label: 'Interfaces between the nodes', help: 'Those that every node has and that lead to other nodes.', when: (d) => way(d) === 'fabric', property: { name: 'links', doc: '', type: 'list of names' } },
			],
		},
		{
			title: 'Zone',
			explain: 'An evpn zone is one routing table (VRF) over all nodes; its networks reach each other by it.',
			choice: {
				part: 'zone',
				name: 'type',
				question: 'Which zone shall the networks be in?',
				options: (d) => [{ value: 'evpn', title: 'A new zone', text: 'apart from all others' }, ...zoneOptions((z) => z['type'] === 'evpn' && way(d) === `controller:${z['controller']}`)],
			},
			fields: [
				{ part: 'zone', name: 'id', label: 'Name of the zone', help: 'Up to 8 letters and digits. Permissions can be given on it.', when: newZone },
				{ part: 'zone', name: 'vrf-vxlan', label: 'VXLAN identifier of routed traffic', help: 'The number of the routing table in the tunnels (L3VNI); a free one is proposed.', when: newZone },
				{ part: 'zone', name: 'exitnodes', label: 'Exit nodes', help: 'Nodes that route between the zone and the outside; none keeps it closed.', when: newZone },
			],
		},
		{
			title: 'Networks',
			explain: 'Each VNet is one network. Its gateway is the same on every node (anycast), so a guest that moves keeps it.',
			fields: [
				{ part: 'options', name: 'count', label: 'How many networks', help: 'Their names, identifiers and networks count up from those below.', property: { name: 'count', doc: '', type: 'whole number', min: 1, max: most } },
				{ part: 'vnet', name: 'id', label: 'Name of the first VNet', help: 'Up to 8 letters and digits: it is the name of the bridge.' },
				{ part: 'vnet', name: 'tag', label: 'VXLAN network identifier', help: 'The number of the first network in the tunnels; a free one is proposed.' },
				...subnetFields({ gateway: 'The address that every node has on its bridge, for all guests of the network.', snat: 'Under the address of the exit node (source NAT).', dhcp: false }),
			],
			note: (draft) => (networks(draft).length > 1 ? `This makes ${networks(draft).map((n) => `${n.vnet} (${[n.tag, n.subnet].filter(Boolean).join(', ')})`).join('; ')}.` : ''),
		},
	],
	start: (world: World): Draft => {
		const subnet = freeSubnet(world);
		const fabric = freeNetwork([...world.networks, ...(parseNetwork(subnet) ? [parseNetwork(subnet)!] : [])]);
		const tag = freeTag(['vxlan', 'evpn'], 10000, most + 1);
		return {
			controller: { id: freeName('controllers', 'evpn'), type: 'evpn', asn: 65000, peers: world.addresses.length ? world.addresses : undefined },
			fabric: { id: freeName('fabrics', 'fab'), protocol: 'openfabric', 'ip-prefix': fabric ? formatNetwork(fabric) : undefined },
			zone: { id: freeName('zones', 'evpn'), type: 'evpn', 'vrf-vxlan': tag },
			vnet: { id: freeName('vnets', 'net'), tag: tag + 1 },
			subnet: { id: subnet, gateway: parseNetwork(subnet) ? firstHost(parseNetwork(subnet)!) : undefined, snat: false },
			options: { underlay: cluster.list('controllers').items.some((c) => c['type'] === 'evpn') ? `controller:${cluster.list('controllers').items.find((c) => c['type'] === 'evpn')!.id}` : 'peers', links: world.interfaces, count: 1, subnet: true, proposed: subnet },
		};
	},
	follow: (draft) => {
		let next = followSubnet(draft);
		// A zone that exists has a controller: that of the answer before.
		const zone = existingZone(next);
		if (zone && way(next) !== `controller:${zone['controller']}`) next = withValue(next, 'zone', 'type', 'evpn');
		// Source NAT needs a node that leads outside.
		const exits = ((existingZone(draft) ?? draft['zone'])?.['exitnodes'] as string[] | undefined)?.length ?? 0;
		if (!exits && isSet(draft, 'subnet', 'snat')) next = withValue(next, 'subnet', 'snat', undefined);
		return next;
	},
	edits: (draft, upTo, world): Edit[] => {
		const existing = way(draft).startsWith('controller:');
		const out: Edit[] = existing ? [] : underlay(draft, world);
		if (upTo < 1) return out;
		const controller = existing ? way(draft).slice('controller:'.length) : value(draft, 'controller', 'id');
		if (newZone(draft)) out.push(put('zone', { ...draft['zone'], controller, ipam: isSet(draft, 'options', 'subnet') ? 'pve' : undefined }));
		if (upTo < 2) return out;
		for (const n of networks(draft)) {
			out.push(put('vnet', { id: n.vnet, zone: zoneName(draft), tag: n.tag }));
			if (n.subnet) out.push(put('subnet', { ...draft['subnet'], id: n.subnet, gateway: n.gateway, vnet: n.vnet }));
		}
		return out;
	},
};

/** The controller, with the fabric below it if one is made. */
function underlay(draft: Draft, world: World): Edit[] {
	const controller: Record<string, unknown> = { ...draft['controller'] };
	if (way(draft) !== 'fabric') return [put('controller', controller)];
	delete controller['peers'];
	const fabric = value(draft, 'fabric', 'id');
	controller['fabric'] = fabric;
	const prefix = parseNetwork(value(draft, 'fabric', 'ip-prefix'));
	const interfaces = ((draft['options']?.['links'] ?? []) as string[]).map((name) => ({ name }));
	const nodes = world.nodes.map((node, i) =>
		put('fabric-node', { id: `${fabric}_${node}`, fabric, node, ip: prefix ? formatAddress(prefix.family, prefix.base + BigInt(i + 1)) : undefined, interfaces: interfaces.length ? interfaces : undefined }),
	);
	return [put('fabric', draft['fabric']!), ...nodes, put('controller', controller)];
}

interface Made {
	vnet: string;
	tag: number | undefined;
	subnet: string;
	gateway: string | undefined;
}

/** The networks that the last step makes: the typed one, and those that count up from it. */
function networks(draft: Draft): Made[] {
	const count = Math.min(most, Math.max(1, Number(draft['options']?.['count']) || 1));
	const id = value(draft, 'vnet', 'id');
	const [, stem = '', number = ''] = /^(.*?)(\d*)$/.exec(id) ?? [];
	const tag = Number(draft['vnet']?.['tag']);
	const first = isSet(draft, 'options', 'subnet') ? value(draft, 'subnet', 'id') : '';
	const network = parseNetwork(first);
	const gateway = value(draft, 'subnet', 'gateway');
	return Array.from({ length: count }, (_, i) => {
		const at = network && i > 0 ? following(network, i) : network;
		return {
			vnet: i === 0 ? id : stem + ((Number(number) || 1) + i),
			tag: tag ? tag + i : undefined,
			subnet: i === 0 || !at ? first : formatNetwork(at),
			gateway: i === 0 || !at || !gateway ? gateway || undefined : firstHost(at),
		};
	});
}
