// Addresses and networks as numbers.

export interface Network {
	/** 4 or 6. */
	family: 4 | 6;
	/** The network's own address, and the length of its prefix. */
	base: bigint;
	bits: number;
}

const width = { 4: 32n, 6: 128n };

/** An address as a number; undefined if the text is none. */
export function parseAddress(text: string): { family: 4 | 6; value: bigint } | undefined {
	if (/^\d+(\.\d+){3}$/.test(text)) {
		const bytes = text.split('.').map(Number);
		if (bytes.some((b) => b > 255)) return undefined;
		return { family: 4, value: bytes.reduce((sum, b) => sum * 256n + BigInt(b), 0n) };
	}
	if (!/^[0-9a-f:]+$/i.test(text) || !text.includes(':')) return undefined;
	const halves = text.split('::');
	if (halves.length > 2) return undefined;
	const words = halves.map((half) => (half ? half.split(':') : []));
	const missing = 8 - words.flat().length;
	if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
	const all = halves.length === 1 ? words[0]! : [...words[0]!, ...Array<string>(missing).fill('0'), ...words[1]!];
	if (all.some((w) => w.length < 1 || w.length > 4)) return undefined;
	return { family: 6, value: all.reduce((sum, w) => sum * 65536n + BigInt(parseInt(w, 16)), 0n) };
}

/** The text of an address, IPv6 as RFC 5952 has it. */
export function formatAddress(family: 4 | 6, value: bigint): string {
	if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
	const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 65535n).toString(16));
	let best = { at: -1, length: 1 };
	for (let i = 0; i < 8; i++) {
		let length = 0;
		while (words[i + length] === '0') length++;
		if (length > best.length) best = { at: i, length };
		i += length;
	}
	if (best.at < 0) return words.join(':');
	return `${words.slice(0, best.at).join(':')}::${words.slice(best.at + best.length).join(':')}`;
}

/** A network by its text, like 10.0.0.0/24; undefined if it is none. */
export function parseNetwork(text: string): Network | undefined {
	const [address = '', length = ''] = text.split('/');
	const parsed = parseAddress(address);
	const bits = Number(length);
	if (!parsed || !/^\d+$/.test(length) || bits > Number(width[parsed.family])) return undefined;
	const host = width[parsed.family] - BigInt(bits);
	return { family: parsed.family, base: (parsed.value >> host) << host, bits };
}

export function formatNetwork(n: Network): string {
	return `${formatAddress(n.family, n.base)}/${n.bits}`;
}

/** How many addresses a network has. */
export function sizeOf(n: Network): bigint {
	return 1n << (width[n.family] - BigInt(n.bits));
}

export function overlap(a: Network, b: Network): boolean {
	return a.family === b.family && a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);
}

/** The first address of a network that a router can have. */
export function firstHost(n: Network): string {
	return formatAddress(n.family, n.base + (sizeOf(n) > 2n ? 1n : 0n));
}

/** The networks of a length after one, in order: 10.0.1.0/24 follows 10.0.0.0/24. */
export function following(n: Network, steps: number): Network {
	return { ...n, base: n.base + sizeOf(n) * BigInt(steps) };
}

/** The first private /24 that overlaps none of the networks; undefined if all do. */
export function freeNetwork(used: Network[], how = 1): Network | undefined {
	const first = parseNetwork('10.0.0.0/24')!;
	for (let i = 1; i < 65536 - how; i++) {
		const candidates = Array.from({ length: how }, (_, n) => following(first, i + n));
		if (!candidates.some((c) => used.some((u) => overlap(u, c)))) return candidates[0];
	}
	return undefined;
}
