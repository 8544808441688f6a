// Asks nodes for what changes all the time, within bounds: a page that is open must not be a
// burden for a hundred nodes.

/** Milliseconds between two questions to one node. */
export const every = 5000;
/** Nodes that are asked in that time, by one page; of more each has its turn. */
export const perRound = 16;
/** Questions that wait for their answers at once: HTTP/1.1 allows six, and the page has others. */
const atOnce = 3;
/** Milliseconds to the second question, so that a first rate is soon known. */
const soon = 2500;

/** Begins to ask; returns what ends it. Nothing is asked while the page is not in sight. */
export function inRounds(nodes: () => string[], ask: (node: string, signal: AbortSignal) => Promise<void>, interval = every): () => void {
	const abort = new AbortController();
	const waiting = new Set<string>();
	let queue: string[] = [];
	let next = 0;
	let timer: ReturnType<typeof setTimeout> | undefined;

	const work = (): void => {
		while (waiting.size < atOnce && queue.length > 0) {
			const node = queue.shift()!;
			waiting.add(node);
			void ask(node, abort.signal).finally(() => {
				waiting.delete(node);
				if (!abort.signal.aborted) work();
			});
		}
	};
	const round = (wait: number): void => {
		if (document.visibilityState === 'visible') {
			const all = nodes();
			const some = all.length <= perRound ? all : Array.from({ length: perRound }, (_, i) => all[(next + i) % all.length]!);
			next = all.length ? (next + some.length) % all.length : 0;
			queue = some.filter((node) => !waiting.has(node));
			work();
		}
		timer = setTimeout(() => round(interval), wait);
	};
	round(Math.min(soon, interval));
	return () => {
		clearTimeout(timer);
		abort.abort();
	};
}
