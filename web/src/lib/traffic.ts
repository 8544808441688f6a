// Throughput: rates from two answers of a node about the counters of its interfaces.
import { client, data, type Schemas } from './client';

export type Counters = Schemas['LiveInterfaceCounters'];

/** The traffic of an interface: bits a second, and packets. What a guest sends its port receives. */
export interface Rate {
	name: string;
	role: string;
	vnet: string;
	guest: string;
	received: number;
	sent: number;
	packets: number;
}

/** The rates of the interfaces that both answers have; one that was created anew has none. */
export function ratesBetween(earlier: Counters[], later: Counters[]): Rate[] {
	const before = new Map(earlier.map((c) => [c.name, c]));
	const out: Rate[] = [];
	for (const c of later) {
		const b = before.get(c.name);
		const seconds = b ? (Date.parse(c.time) - Date.parse(b.time)) / 1000 : 0;
		if (!b || seconds <= 0 || c.receivedBytes < b.receivedBytes || c.sentBytes < b.sentBytes) continue;
		out.push({
			name: c.name, role: c.role, vnet: c.vnet ?? '', guest: c.guest ?? '',
			received: (8 * (c.receivedBytes - b.receivedBytes)) / seconds,
			sent: (8 * (c.sentBytes - b.sentBytes)) / seconds,
			packets: Math.max(0, c.receivedPackets + c.sentPackets - b.receivedPackets - b.sentPackets) / seconds,
		});
	}
	return out;
}

/** Reads the counters of a node, or those of a VNet on it. */
export function readCounters(node: string, vnet: string | undefined, signal: AbortSignal): Promise<Counters[]> {
	return vnet === undefined
		? data(client.GET('/api/v1/nodes/{node}/live/counters', { params: { path: { node } }, signal }))
		: data(client.GET('/api/v1/nodes/{node}/live/vnet-counters/{vnet}', { params: { path: { node, vnet } }, signal }));
}

/** Turns answers into rates: keeps the counters that the next answer is compared with. */
export class Meter {
	private readonly before = new Map<string, Counters[]>();

	/** The rates since the answer before of the same source; undefined for the first one. */
	take(source: string, counters: Counters[]): Rate[] | undefined {
		const before = this.before.get(source);
		// Other readers may have asked so recently that this is the same answer.
		if (before?.length && before[0]!.time === counters[0]?.time) return undefined;
		this.before.set(source, counters);
		return before && ratesBetween(before, counters);
	}
}

/** A sum over rates. */
export function total(rates: Rate[], of: (r: Rate) => number): number {
	return rates.reduce((sum, r) => sum + of(r), 0);
}

/** A rate with a decimal prefix and three digits, as the command line has it: "1.25 Mbit/s". */
export function bitRate(bits: number): string {
	let unit = 'bit/s';
	for (const next of ['kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']) {
		if (bits < 999.5) break;
		bits /= 1000;
		unit = next;
	}
	return `${bits.toFixed(unit === 'bit/s' || bits >= 99.95 ? 0 : bits >= 9.995 ? 1 : 2)} ${unit}`;
}
