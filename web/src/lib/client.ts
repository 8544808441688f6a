// The connection to the server's native API, with the types of its OpenAPI document.
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];
export type Status = Schemas['Status'];
export type NodeStatus = Schemas['NodeStatus'];
export type FileChange = Schemas['FileChange'];
export type Plan = Schemas['Plan'];
export type Change = Schemas['Change'];
export type KindInfo = Schemas['KindInfo'];
export type PropertyInfo = Schemas['PropertyInfo'];
export type Problem = Schemas['Problem'];
export type Session = Schemas['Session'];

/** A request that the server refused, or that did not reach it (status 0). */
export class Refusal extends Error {
	constructor(
		readonly status: number,
		readonly type: string,
		message: string,
		readonly problems: Problem[] = [],
	) {
		super(message);
	}
}

const unreachable = 'the server does not answer: check that it runs (systemctl status viaduct-server) and that this machine reaches it; the page tries again by itself';

let csrf = '';
let onLogout: () => void = () => {};

/** Sets the token that every write under the session's cookie carries. */
export function authorize(token: string, loggedOut: () => void): void {
	csrf = token;
	onLogout = loggedOut;
}

const middleware: Middleware = {
	onRequest({ request }) {
		if (request.method !== 'GET') request.headers.set('X-CSRF-Token', csrf);
		return request;
	},
	onError({ error }) {
		if (error instanceof DOMException && error.name === 'AbortError') return error;
		return new Refusal(0, 'unreachable', unreachable);
	},
	async onResponse({ response, schemaPath }) {
		if (response.ok || response.status === 304) return undefined;
		let body: Partial<Schemas['Error']> = {};
		try {
			body = await response.clone().json();
		} catch {
			// A proxy in between answers something else; the status has to do.
		}
		if (response.status === 401 && schemaPath !== '/api/v1/session') onLogout();
		throw new Refusal(response.status, body.type ?? '', body.detail ?? body.title ?? `the server answers ${response.status} ${response.statusText}`, body.problems ?? []);
	},
};

export const client = createClient<paths>({ baseUrl: '' });
client.use(middleware);

/** The data of an answer; refusals are thrown before. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
	return (await answer).data as T;
}
