// The server's stream of events, opened again whenever it breaks.
import type { Schemas } from './client';

export type Event = Schemas['Event'];

/** What a listener of the stream gets: an event, or news of the stream itself. */
export type Message = { type: 'event'; event: Event } | { type: 'joined' } | { type: 'open' } | { type: 'lost'; since: number };

const types = ['ready', 'pending', 'applied', 'guest', 'live', 'node', 'warning', 'topology', 'overflow'];
const retry = 2000; // milliseconds
// EventSource does not show the server's heartbeats, so a host that is gone without closing
// its connections is found by asking: every 15 seconds, with 5 to answer.
const probe = 15000;
const patience = 5000;

export function openStream(tell: (message: Message) => void): () => void {
	let source: EventSource | undefined;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let last = '';
	let lost = 0;

	function open(): void {
		source = new EventSource('/api/v1/events' + (last ? '?after=' + encodeURIComponent(last) : ''));
		source.onopen = () => {
			lost = 0;
			tell({ type: 'open' });
		};
		source.onerror = broken;
		for (const type of types) {
			source.addEventListener(type, (message) => {
				const event = JSON.parse((message as MessageEvent).data) as Event;
				last = event.id;
				tell({ type: 'event', event });
			});
		}
	}
	function broken(): void {
		source?.close();
		lost ||= Date.now();
		tell({ type: 'lost', since: lost });
		clearTimeout(timer);
		timer = setTimeout(open, retry);
	}
	open();
	const prober = setInterval(() => {
		if (!lost) fetch('/healthz', { signal: AbortSignal.timeout(patience) }).catch(broken);
	}, probe);
	return () => {
		clearInterval(prober);
		clearTimeout(timer);
		source?.close();
	};
}
