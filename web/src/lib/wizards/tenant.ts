// A network of its own for a tenant, over all nodes or on each by itself.
import { firstHost, parseNetwork } from '../ip';
import { freeName, freeSubnet, freeTag, type World } from '../world';
import { followSubnet, nodesRoute, rangeOf, subnetEdits, subnetFields } from './subnet';
import { isSet, newZone, put, value, withValue, zoneName, zoneOptions, zoneType, type Draft, type Edit, type Wizard } from './wizard';

const overlay = (draft: Draft): boolean => zoneType(draft) === 'vxlan';

export const tenant: Wizard = {
	name: 'tenant',
	title: 'Tenant network',
	text: 'A network of its own for some guests: over all nodes by tunnels, or on each node by itself with access to the outside.',
	guide: { title: 'Tutorial: the first hour', page: 'tutorials/first-hour.md' },
	steps: [
		{
			title: 'Zone',
			explain: 'A zone keeps the networks of one tenant apart from all others, and says how they are carried between nodes.',
			choice: {
				part: 'zone',
				name: 'type',
				question: 'Where shall guests of this network reach each other?',
				options: () => [
					{ value: 'vxlan', title: 'On all nodes', text: 'vxlan: tunnels between the nodes; every node can be the gateway of its guests' },
					{ value: 'simple', title: 'Within one node', text: 'simple: each node is the gateway of its guests, and leads outside' },
					...zoneOptions((z) => z['type'] === 'vxlan' || z['type'] === 'simple'),
				],
			},
			fields: [
				{ part: 'zone', name: 'id', label: 'Name of the zone', help: 'Up to 8 letters and digits. Permissions can be given on it.', when: newZone },
				{ part: 'zone', name: 'peers', label: 'Addresses of the nodes', help: 'The ends of the tunnels: one address of every node, proposed from the network that they share.', when: (d) => newZone(d) && overlay(d) },
				{ part: 'zone', name: 'anycast-gateway', label: 'Gateway on every node', help: 'Every node routes for the guests on it and leads outside. Otherwise the gateway is a router of yours, or there is none.', when: (d) => newZone(d) && overlay(d) },
			],
		},
		{
			title: 'Network',
			explain: 'A VNet is one network of the zone. Every node gets a bridge of its name, to which guests are connected.',
			fields: [
				{ part: 'vnet', name: 'id', label: 'Name of the VNet', help: 'Up to 8 letters and digits: it is the name of the bridge.' },
				{ part: 'vnet', name: 'tag', label: 'VXLAN network identifier', help: 'The number of the network in the tunnels; the next free one is proposed.', when: overlay },
				{ part: 'vnet', name: 'alias', label: 'Description', help: 'What people read beside the name.' },
			],
		},
		{
			title: 'Addresses',
			explain: 'A subnet gives the network its addresses.',
			fields: subnetFields({ gateway: 'In a simple zone, and with a gateway on every node, the nodes have this address; otherwise it is a router of yours, or nothing.', snat: 'Under the own address of the node that they run on (source NAT).', dhcp: true }),
		},
	],
	start: (world: World): Draft => {
		const subnet = freeSubnet(world);
		const network = parseNetwork(subnet);
		const many = world.addresses.length > 1;
		return {
			zone: { id: freeName('zones', 'tenant'), type: many ? 'vxlan' : 'simple', peers: many ? world.addresses : undefined },
			vnet: { id: freeName('vnets', 'net'), tag: freeTag(['vxlan', 'evpn'], 10000) },
			subnet: { id: subnet, gateway: !many && network ? firstHost(network) : undefined, snat: true, 'dhcp-range': rangeOf(subnet) },
			options: { subnet: true, dhcp: true, proposed: subnet },
		};
	},
	follow: (draft, before, world) => {
		let next = followSubnet(draft);
		if (overlay(draft) && !overlay(before) && !draft['zone']?.['peers']) next = withValue(next, 'zone', 'peers', world.addresses.length ? world.addresses : undefined);
		if (nodesRoute(draft) === nodesRoute(before)) return next;
		if (!nodesRoute(draft)) return withValue(next, 'subnet', 'gateway', undefined);
		const network = parseNetwork(value(draft, 'subnet', 'id'));
		return network ? withValue(next, 'subnet', 'gateway', firstHost(network)) : next;
	},
	edits: (draft, upTo): Edit[] => {
		const zone: Record<string, unknown> = { ...draft['zone'] };
		if (!overlay(draft)) {
			delete zone['peers'];
			delete zone['anycast-gateway'];
		}
		if (isSet(draft, 'options', 'subnet')) {
			zone['ipam'] = 'pve';
			if (isSet(draft, 'options', 'dhcp')) zone['dhcp'] = 'dnsmasq';
		}
		const vnet: Record<string, unknown> = { ...draft['vnet'], zone: zoneName(draft) };
		if (!overlay(draft)) delete vnet['tag'];
		return [...(newZone(draft) ? [put('zone', zone)] : []), ...(upTo > 0 ? [put('vnet', vnet)] : []), ...(upTo > 1 ? subnetEdits(draft) : [])];
	},
};

