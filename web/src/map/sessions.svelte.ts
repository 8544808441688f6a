// The live state of BGP sessions on the map: what the nodes at the ends of links say of them.
import { client, data, type Schemas } from '../lib/client';
import { inRounds } from '../lib/rounds';
import type { Picture } from './graph';

type Session = Schemas['LiveSession'];

/** Milliseconds between two questions to one node: FRR answers them, which costs more than counters. */
const pause = 15_000;

/** The nodes at the ends of links with BGP sessions, out of those that may be asked. */
export function withSessions(picture: Picture | undefined, readable: string[]): string[] {
	const ends = new Set<string>();
	for (const e of picture?.elements ?? []) if (e.kind === 'link' && e.detail?.includes('BGP')) for (const end of [e.from!, e.to!]) ends.add(end);
	return readable.filter((node) => ends.has(`vtep/${node}`));
}

export class Sessions {
	byNode = $state.raw(new Map<string, Session[]>());

	/** Begins to ask; returns what ends it. */
	start(nodes: () => string[]): () => void {
		const stop = inRounds(
			nodes,
			async (node, signal) => {
				try {
					const list = await data(client.GET('/api/v1/nodes/{node}/live/sessions', { params: { path: { node } }, signal }));
					this.byNode = new Map(this.byNode).set(node, list.filter((s) => s.protocol === 'bgp'));
				} catch {
					if (!signal.aborted) this.byNode = new Map([...this.byNode].filter(([name]) => name !== node));
				}
			},
			pause,
		);
		return () => {
			stop();
			this.byNode = new Map();
		};
	}
}

/** What the ends of links say of their BGP sessions, by the link. */
export function sessionTexts(picture: Picture, byNode: Map<string, Session[]>): Map<string, string> {
	const out = new Map<string, string>();
	const addresses = new Map(picture.elements.filter((e) => e.kind === 'vtep').map((e) => [e.id, e.addresses ?? []]));
	for (const e of picture.elements) {
		if (e.kind !== 'link' || !e.detail?.includes('BGP')) continue;
		const texts = [
			[e.from!, e.to!],
			[e.to!, e.from!],
		].flatMap(([own, other]) => {
			const node = own!.replace(/^vtep\//, '');
			const there = addresses.get(other!) ?? [other!.replace(/^router\//, '')];
			return (byNode.get(node) ?? []).filter((s) => there.includes(s.neighbor)).map((s) => text(node, s));
		});
		if (texts.length) out.set(e.id, texts.join('; '));
	}
	return out;
}

function text(node: string, s: Session): string {
	const up = s.state === 'Established';
	const where = s.vrf ? ` in ${s.vrf}` : '';
	return `BGP at ${node}${where}: ${up ? '✓ established' : `✕ ${s.state.toLowerCase()}`}${s.uptime ? ` for ${s.uptime}` : ''}${up ? `, ${s.prefixes ?? 0} prefixes received` : ''}`;
}
