// One event stream for all tabs of a browser: with HTTP/1.1 a browser has six connections
// to a server, which six tabs would use up.
/// <reference lib="webworker" />
import { openStream, type Message } from './stream';

const ports = new Set<MessagePort>();
let close: (() => void) | undefined;

function tell(message: Message): void {
	for (const port of ports) port.postMessage(message);
}

addEventListener('connect', (event) => {
	const port = (event as MessageEvent).ports[0]!;
	ports.add(port);
	port.onmessage = ({ data }) => {
		if (data !== 'bye') return;
		ports.delete(port);
		if (ports.size > 0) return;
		close?.();
		close = undefined;
	};
	// A new tab reads everything itself and needs to know only whether the stream is open.
	if (close) port.postMessage({ type: 'joined' } satisfies Message);
	else close = openStream(tell);
});
