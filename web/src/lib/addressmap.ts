// The addresses of a subnet as at most 256 cells: one for each address, or for blocks of them.
import type { Schemas } from './client';
import { formatAddress, parseAddress, sizeOf, type Network } from './ip';

export type Address = Schemas['Address'];

export interface Cell {
	/** The cell's first address, and how many it stands for. */
	first: bigint;
	size: bigint;
	state: 'free' | 'range' | 'used' | 'gateway' | 'reserved';
	used: Address[];
	label: string;
}

const most = 256n;

export interface Range {
	from: bigint;
	to: bigint;
}

/** The addresses that belong to a network, by their number. */
export function within(network: Network, addresses: Address[]): Map<bigint, Address> {
	const out = new Map<bigint, Address>();
	for (const a of addresses) {
		const parsed = parseAddress(a.ip);
		if (parsed?.family === network.family && parsed.value >= network.base && parsed.value < network.base + sizeOf(network)) out.set(parsed.value, a);
	}
	return out;
}

/** The cells of a part of a network; an IPv6 one only has cells for blocks with addresses. */
export function cellsOf(subnet: Network, view: Range, used: Map<bigint, Address>, ranges: Range[]): Cell[] {
	const total = view.to - view.from + 1n;
	if (total <= most) return Array.from({ length: Number(total) }, (_, i) => address(subnet, view.from + BigInt(i), used, ranges));
	const size = subnet.family === 4 ? total / most : most;
	const blocks = new Map<bigint, Address[]>();
	for (const [n, a] of used) {
		if (n < view.from || n > view.to) continue;
		const at = (n - view.from) / size;
		blocks.set(at, [...(blocks.get(at) ?? []), a]);
	}
	const places = subnet.family === 4 ? Array.from({ length: Number(most) }, (_, i) => BigInt(i)) : [...new Set([0n, ...blocks.keys()])].sort((a, b) => (a < b ? -1 : 1)).slice(0, Number(most));
	return places.map((at) => block(subnet, view.from + at * size, size, blocks.get(at) ?? [], ranges));
}

function inRange(n: bigint, size: bigint, ranges: Range[]): boolean {
	return ranges.some((r) => n <= r.to && n + size > r.from);
}

function address(subnet: Network, n: bigint, used: Map<bigint, Address>, ranges: Range[]): Cell {
	const text = formatAddress(subnet.family, n);
	const owner = used.get(n);
	const base = { first: n, size: 1n, used: owner ? [owner] : [] };
	if (owner) return { ...base, state: owner.gateway ? 'gateway' : 'used', label: `${text}: ${ownerOf(owner)}` };
	const edge = n === subnet.base || n === subnet.base + sizeOf(subnet) - 1n;
	if (subnet.family === 4 && subnet.bits < 31 && edge) return { ...base, state: 'reserved', label: `${text}: ${n === subnet.base ? 'the network itself' : 'broadcast'}` };
	if (inRange(n, 1n, ranges)) return { ...base, state: 'range', label: `${text}: free, given out by DHCP` };
	return { ...base, state: 'free', label: `${text}: free` };
}

function block(subnet: Network, first: bigint, size: bigint, used: Address[], ranges: Range[]): Cell {
	const text = `${formatAddress(subnet.family, first)} to ${formatAddress(subnet.family, first + size - 1n)}`;
	return { first, size, used, state: used.length ? 'used' : inRange(first, size, ranges) ? 'range' : 'free', label: `${text}: ${used.length} of ${size} used` };
}

/** Who has an address. */
export function ownerOf(a: Address): string {
	if (a.gateway) return 'gateway';
	return [a.guest ? `guest ${a.guest} ${a.nic ?? ''}` : '', a.name ?? '', a.mac ?? ''].map((s) => s.trim()).filter(Boolean).join(', ') || 'in use';
}
