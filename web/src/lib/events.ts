// The events of the server in this tab, through the worker that all tabs share; a browser
// without shared workers opens a stream for each tab.
import { openStream, type Message } from './stream';

const patience = 3000; // milliseconds until a worker has to say something

/** Calls tell with everything that happens until the returned function is called. */
export function listen(tell: (message: Message) => void): () => void {
	if (typeof SharedWorker === 'undefined') return openStream(tell);
	let port = connect();
	let timer = setTimeout(again, patience);
	function connect(): MessagePort {
		const worker = new SharedWorker(new URL('./events.worker.ts', import.meta.url), { type: 'module', name: 'viaduct-events' });
		worker.port.onmessage = (message) => {
			clearTimeout(timer);
			tell(message.data as Message);
		};
		return worker.port;
	}
	// A worker that ends with the page before this one never answers.
	function again(): void {
		const before = port;
		port = connect();
		timer = setTimeout(again, patience);
		leave(before);
	}
	function leave(from: MessagePort): void {
		from.postMessage('bye');
		from.close();
	}
	const bye = (): void => leave(port);
	// A page that the browser brings back from its cache starts anew.
	const back = (event: PageTransitionEvent): void => {
		if (event.persisted) location.reload();
	};
	addEventListener('pagehide', bye);
	addEventListener('pageshow', back);
	return () => {
		clearTimeout(timer);
		bye();
		removeEventListener('pagehide', bye);
		removeEventListener('pageshow', back);
	};
}
