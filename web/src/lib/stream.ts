// The server's stream of events, opened again whenever it breaks.
import type { Schemas } from './client';

export type Event = Schemas['Event'];

/** What a listener of the stream gets: an event, or news of the stream itself. */
export type Message = { type: 'event'; event: Event } | { type: 'joined' } | { type: 'open' } | { type: 'lost'; since: number };

const types = ['ready', 'pending', 'applied', 'guest', 'live', 'node', 'warning', 'topology', 'overflow'];
const retry = 2000; // milliseconds
// The server sends something at least every 15 seconds, but a heartbeat is a comment, which
// EventSource does not show: a connection that hangs is closed by the server's side.

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
		source.onerror = () => {
			source?.close();
			lost ||= Date.now();
			tell({ type: 'lost', since: lost });
			timer = setTimeout(open, retry);
		};
		for (const type of types) {
			source.addEventListener(type, (message) => {
				const event = JSON.parse((message as MessageEvent).data) as Event;
				last = event.id;
				tell({ type: 'event', event });
			});
		}
	}
	open();
	return () => {
		clearTimeout(timer);
		source?.close();
	};
}
