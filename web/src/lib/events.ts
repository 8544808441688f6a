// The events of the server in this tab, through the worker that all tabs share; a browser
// without shared workers opens a stream for each tab.
import { openStream, type Message } from './stream';

/** Calls tell with everything that happens until the returned function is called. */
export function listen(tell: (message: Message) => void): () => void {
	if (typeof SharedWorker === 'undefined') return openStream(tell);
	const worker = new SharedWorker(new URL('./events.worker.ts', import.meta.url), { type: 'module', name: 'viaduct-events' });
	worker.port.onmessage = (message) => tell(message.data as Message);
	const bye = (): void => worker.port.postMessage('bye');
	addEventListener('pagehide', bye);
	return () => {
		bye();
		worker.port.close();
		removeEventListener('pagehide', bye);
	};
}
