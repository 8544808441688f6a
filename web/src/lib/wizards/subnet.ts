// The step for addresses, which all wizards share.
import { firstHost, formatAddress, parseNetwork, sizeOf } from '../ip';
import { existingZone, isSet, toggle, value, withValue, zoneType, type Draft, type Edit, type WizardField, put } from './wizard';

const wanted = (draft: Draft): boolean => isSet(draft, 'options', 'subnet');
/** Whether the zone can have a DHCP server: one that exists stays as it is. */
const served = (draft: Draft): boolean => existingZone(draft)?.['dhcp'] !== undefined || existingZone(draft) === undefined;

/** Whether the nodes are the gateway of the network's guests. */
export const nodesRoute = (draft: Draft): boolean => {
	const zone = existingZone(draft) ?? draft['zone'];
	return zoneType(draft) !== 'vxlan' || zone?.['anycast-gateway'] === true;
};

export function subnetFields(help: { gateway: string; snat?: string; dhcp: boolean }): WizardField[] {
	const snat = help.snat;
	const fields: WizardField[] = [
		{ part: 'options', name: 'subnet', label: 'Viaduct manages the addresses', help: 'Without it the VNet only connects guests, and they bring addresses of their own.', property: toggle('subnet') },
		{ part: 'subnet', name: 'id', label: 'Network', help: 'A free one is proposed: no subnet, node address or route overlaps it.', when: wanted },
		{ part: 'subnet', name: 'gateway', label: 'Gateway', help: help.gateway, when: wanted },
	];
	if (snat) fields.push({ part: 'subnet', name: 'snat', label: 'Guests reach the outside', help: snat, when: (d) => wanted(d) && value(d, 'subnet', 'gateway') !== '' && nodesRoute(d) });
	if (help.dhcp)
		fields.push(
			{ part: 'options', name: 'dhcp', label: 'Give out addresses by DHCP', help: 'Every node serves the guests that run on it (dnsmasq).', property: toggle('dhcp'), when: (d) => wanted(d) && served(d) },
			{ part: 'subnet', name: 'dhcp-range', label: 'Addresses to give out', help: 'Guests get their addresses out of this range.', when: (d) => wanted(d) && served(d) && isSet(d, 'options', 'dhcp') },
		);
	return fields;
}

/** The addresses of a network that a range of DHCP takes: its upper half, without the last one. */
export function rangeOf(cidr: string): Record<string, string>[] | undefined {
	const n = parseNetwork(cidr);
	if (!n || sizeOf(n) < 8n) return undefined;
	const size = n.family === 4 ? sizeOf(n) : 512n;
	return [{ 'start-address': formatAddress(n.family, n.base + size / 2n), 'end-address': formatAddress(n.family, n.base + size - 2n) }];
}

/** Gateway and range follow the network until somebody changes them. */
export function followSubnet(draft: Draft): Draft {
	const now = value(draft, 'subnet', 'id');
	const network = parseNetwork(now);
	if (!network) return draft; // it is being typed
	// The network that gateway and range were last proposed for.
	const before = value(draft, 'options', 'proposed');
	const old = parseNetwork(before);
	let next = withValue(draft, 'options', 'proposed', now);
	if (old && now !== before && value(draft, 'subnet', 'gateway') === firstHost(old)) next = withValue(next, 'subnet', 'gateway', firstHost(network));
	const range = draft['subnet']?.['dhcp-range'];
	if (isSet(draft, 'options', 'dhcp') && (range === undefined || JSON.stringify(range) === JSON.stringify(rangeOf(before)))) next = withValue(next, 'subnet', 'dhcp-range', rangeOf(now));
	return next;
}

/** The subnet, if one is wanted. */
export function subnetEdits(draft: Draft): Edit[] {
	if (!wanted(draft)) return [];
	const part: Record<string, unknown> = { ...draft['subnet'], vnet: value(draft, 'vnet', 'id') };
	if (!served(draft) || !isSet(draft, 'options', 'dhcp')) delete part['dhcp-range'];
	if (!nodesRoute(draft)) delete part['snat'];
	return [put('subnet', part)];
}
