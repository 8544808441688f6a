// Throughput on the map: what the rates of nodes' interfaces mean for the elements of the picture.
import { bitRate, total, type Rate } from '../lib/traffic';
import type { Element, Picture } from './graph';

/** The throughput of an element: bits a second, and the same in words. */
export interface Flow {
	bits: number;
	text: string;
}

/** The zone of a VNet; empty if it is not known. */
export type ZoneOf = (vnet: string) => string;

/** The width of a line for a throughput: a kilobit is thin, and each tenfold adds the same. */
export function widthOf(bits: number): number {
	return bits < 1000 ? 1.5 : Math.min(1.5 + 2 * Math.log10(bits / 1000), 15);
}

const flow = (bits: number, text: string): Flow => ({ bits, text });
const both = (what: string, received: number, sent: number): Flow => flow(received + sent, `${what}${bitRate(received)} in, ${bitRate(sent)} out`);

/** The throughput of the elements that are known of, by ID. Rates are by node. */
export function flowsOf(picture: Picture, rates: Map<string, Rate[]>, zoneOf: ZoneOf): Map<string, Flow> {
	const out = new Map<string, Flow>();
	const all = [...rates].flatMap(([node, list]) => list.map((r) => ({ node, ...r })));
	const by = group(all, (r) => r.vnet);
	const byZone = group(all.filter((r) => r.vnet), (r) => zoneOf(r.vnet));
	for (const e of picture.elements) {
		const [ref = '', node = ''] = e.id.split('@');
		const [kind, id = ''] = ref.split('/');
		switch (e.kind) {
			case 'node':
				if (rates.has(e.label)) out.set(e.id, across(rates.get(e.label)!.filter((r) => r.role === 'uplink')));
				break;
			case 'interface': {
				const [, host = '', ...name] = e.id.split('/');
				const one = rates.get(host)?.find((r) => r.name === name.join('/'));
				if (one) out.set(e.id, both('', one.received, one.sent));
				break;
			}
			case 'vnet':
				if (by.has(id)) out.set(e.id, carried(by.get(id)!));
				break;
			case 'zone':
				if (byZone.has(id)) out.set(e.id, carried(byZone.get(id)!));
				break;
			case 'guests':
			case 'guest': {
				const ports = e.kind === 'guest'
					? all.filter((r) => r.guest === id && e.parent === `vnet/${r.vnet}`)
					: ((kind === 'zone' ? byZone : by).get(id) ?? []).filter((r) => r.node === node && r.role === 'guest');
				// A guest receives what its port sends.
				if (ports.length) out.set(e.id, both('', total(ports, (r) => r.sent), total(ports, (r) => r.received)));
				break;
			}
		}
	}
	for (const [id, of] of linkFlows(picture, rates)) out.set(id, of);
	return out;
}

function group<T>(list: T[], key: (one: T) => string): Map<string, T[]> {
	const out = new Map<string, T[]>();
	for (const one of list) (out.get(key(one)) ?? out.set(key(one), []).get(key(one))!).push(one);
	return out;
}

function across(uplinks: Rate[]): Flow {
	return both('uplinks: ', total(uplinks, (r) => r.received), total(uplinks, (r) => r.sent));
}

/** What a VNet or zone carries: between nodes, or only between guests of one node. */
function carried(rates: Rate[]): Flow {
	const between = total(rates.filter((r) => r.role === 'vnet-uplink'), (r) => r.sent);
	const guests = total(rates.filter((r) => r.role === 'guest'), (r) => r.received);
	return flow(Math.max(between, guests), `${bitRate(between)} between nodes, guests send ${bitRate(guests)}`);
}

/** Links carry tunnels. Interfaces count all tunnels of a VNet together, so what one link carries is known
 *  only where it is the only one of one of its nodes. */
function linkFlows(picture: Picture, rates: Map<string, Rate[]>): Map<string, Flow> {
	const links = picture.elements.filter((e) => e.kind === 'link');
	const out = new Map<string, Flow>();
	if (picture.elements.some((e) => e.kind === 'links' && e.links)) return out; // some are not drawn
	const of = new Map<string, Element[]>();
	for (const l of links) for (const end of [l.from!, l.to!]) (of.get(end) ?? of.set(end, []).get(end)!).push(l);
	for (const l of links) {
		for (const end of [l.from!, l.to!]) {
			const list = rates.get(end.replace(/^vtep\//, ''));
			if (!end.startsWith('vtep/') || of.get(end)!.length > 1 || !list || !l.detail?.includes('tunnel')) continue;
			const tunnels = list.filter((r) => r.role === 'vnet-uplink' && r.name.startsWith('vxlan_'));
			out.set(l.id, both(`at ${end.slice('vtep/'.length)}: `, total(tunnels, (r) => r.received), total(tunnels, (r) => r.sent)));
			break;
		}
	}
	return out;
}
