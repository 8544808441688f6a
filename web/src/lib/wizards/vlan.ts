// A VLAN that the switches carry between the nodes.
import { freeName, freeSubnet, freeTag, type World } from '../world';
import { followSubnet, subnetEdits, subnetFields } from './subnet';
import { newZone, put, zoneName, zoneOptions, type Draft, type Edit, type Wizard } from './wizard';

export const vlan: Wizard = {
	name: 'vlan',
	title: 'VLAN across nodes',
	text: 'One VLAN of your switches on every node: guests on it reach the machines that are on it already.',
	guide: { title: 'How-to: VLANs', page: 'how-to/vlan.md' },
	steps: [
		{
			title: 'Bridge',
			explain: 'A vlan zone uses a bridge of the nodes whose uplink your switches send VLANs to, as a trunk.',
			choice: {
				part: 'zone',
				name: 'type',
				question: 'Which bridge carries the VLAN?',
				options: () => [{ value: 'vlan', title: 'A bridge that no zone uses yet', text: 'a zone is made for it' }, ...zoneOptions((z) => z['type'] === 'vlan')],
			},
			fields: [
				{ part: 'zone', name: 'id', label: 'Name of the zone', help: 'Up to 8 letters and digits. One zone serves all VLANs of the bridge.', when: newZone },
				{ part: 'zone', name: 'bridge', label: 'Bridge', help: 'It has to exist on every node.', when: newZone },
			],
			note: (draft, world) => (!newZone(draft) ? '' : world.bridges.length ? `Bridges that all nodes have: ${world.bridges.join(', ')}.` : world.nodes.length ? 'The nodes have no bridge in common: make one of the same name on each, with the uplink in it.' : ''),
		},
		{
			title: 'VLAN',
			explain: 'A VNet is one VLAN. Every node gets a bridge of its name, to which guests are connected.',
			fields: [
				{ part: 'vnet', name: 'id', label: 'Name of the VNet', help: 'Up to 8 letters and digits: it is the name of the bridge.' },
				{ part: 'vnet', name: 'tag', label: 'VLAN', help: 'The number that the switches know it by, 1 to 4094; the next one that no VNet has is proposed.' },
				{ part: 'vnet', name: 'alias', label: 'Description', help: 'What people read beside the name.' },
			],
		},
		{
			title: 'Addresses',
			explain: 'Optional: with a subnet Viaduct knows which address belongs to whom.',
			fields: subnetFields({ gateway: 'The router of the VLAN, which is yours; the nodes do not route in a vlan zone.', dhcp: false }),
		},
	],
	start: (world: World): Draft => ({
		zone: { id: freeName('zones', 'vlan'), type: 'vlan', bridge: world.bridges[0] },
		vnet: { id: freeName('vnets', 'net'), tag: freeTag(['vlan'], 100) },
		subnet: { id: freeSubnet(world) },
		options: { subnet: false },
	}),
	follow: (draft) => followSubnet(draft),
	edits: (draft, upTo): Edit[] => {
		const zone: Record<string, unknown> = { ...draft['zone'] };
		if (draft['options']?.['subnet'] === true) zone['ipam'] = 'pve';
		const vnet = { ...draft['vnet'], zone: zoneName(draft) };
		return [...(newZone(draft) ? [put('zone', zone)] : []), ...(upTo > 0 ? [put('vnet', vnet)] : []), ...(upTo > 1 ? subnetEdits(draft) : [])];
	},
};
