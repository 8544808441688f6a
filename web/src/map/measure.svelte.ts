// Measures the throughput of the nodes of the map, while it is open and wanted.
import { cluster } from '../lib/cluster.svelte';
import { may } from '../lib/permission';
import { every, inRounds, perRound } from '../lib/rounds';
import { Meter, readCounters, type Rate } from '../lib/traffic';
import type { Picture } from './graph';

/** The nodes of a picture whose counters may be read, without those that would not answer. */
export function measurable(picture: Picture | undefined): string[] {
	return (picture?.elements ?? [])
		.filter((e) => e.kind === 'node' && e.state && e.state !== 'unreachable' && may(cluster.session, ['Sys.Audit'], `/nodes/${e.label}`))
		.map((e) => e.label);
}

export class Measurement {
	rates = $state.raw(new Map<string, Rate[]>());

	/** Begins to measure; returns what ends it. */
	start(nodes: () => string[]): () => void {
		const meter = new Meter();
		const latest = new Map<string, { rates: Rate[]; at: number }>();
		const stop = inRounds(nodes, async (node, signal) => {
			try {
				const rates = meter.take(node, await readCounters(node, undefined, signal));
				if (rates) latest.set(node, { rates, at: Date.now() });
			} catch {
				latest.delete(node); // its state on the map says why
			}
			if (!signal.aborted && !this.rates.size) show();
		});
		const show = (): void => {
			// A node that was not heard of for three turns is not counted any longer.
			const turn = every * Math.max(1, Math.ceil(nodes().length / perRound));
			this.rates = new Map([...latest].filter(([, l]) => Date.now() - l.at < 3 * turn).map(([node, l]) => [node, l.rates]));
		};
		const timer = setInterval(show, every / 2);
		return () => {
			stop();
			clearInterval(timer);
			this.rates = new Map();
		};
	}
}
