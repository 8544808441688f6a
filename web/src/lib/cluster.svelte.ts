// What the pages show of the cluster, kept up to date by the server's events.
import { SvelteMap } from 'svelte/reactivity';
import { authorize, client, data, Refusal, type Change, type KindInfo, type Plan, type Schemas, type Session, type Status } from './client';
import { listen } from './events';
import { route } from './router.svelte';
import type { Event, Message } from './stream';

/** An object of any kind, as the API has it. */
export type Obj = { id: string } & Record<string, unknown>;

/** The objects of one kind that the user may see. */
export interface List {
	items: Obj[];
	/** Why they could not be read; empty if they were. */
	error: string;
	/** What the server says about hidden objects. */
	notice: string;
	loaded: boolean;
}

/** The plan of what is pending. */
export interface Planned {
	plan?: Plan;
	/** Why it could not be made; empty if it was. */
	error: string;
}

/** The path of a kind's list; all kinds have the same operations as this one. */
export function listPath(plural: string): '/api/v1/zones' {
	return `/api/v1/${plural}` as '/api/v1/zones';
}

/** The path of an object; all kinds have the same operations as this one. */
export function objectPath(plural: string): '/api/v1/zones/{id}' {
	return `/api/v1/${plural}/{id}` as '/api/v1/zones/{id}';
}

const settle = 60; // milliseconds in which further events join one refresh
const patience = 1500; // milliseconds for which a login waits for the stream of events
const single = 16; // objects of a kind that are read one by one; of more the whole list is read
const loggedIn = 'logged-in'; // remembers that this browser has a session
const renewal = 30 * 60 * 1000; // a session lasts two hours

class Cluster {
	session = $state.raw<Session>();
	/** Set once it is known whether there is a session. */
	ready = $state(false);
	kinds = $state.raw<KindInfo[]>([]);
	status = $state.raw<Status>();
	version = $state('');
	/** The command that controls the lab of the server; empty outside of labs. */
	labCommand = $state('');
	/** When the connection to the server was lost, in milliseconds; 0 if it stands. */
	lost = $state(0);
	/** Goes up with everything that may change the plan, the history or the usage. */
	changes = $state(0);
	private readonly lists = new SvelteMap<string, List>();
	private readonly wanted = new Set<string>();
	private planned = $state.raw<Planned>({ error: '' });
	/** The count of changes that the plan was read at. */
	private plannedAt = -1;
	private stop: (() => void) | undefined;
	/** Whether the stream of events has been open since the login. */
	private following = false;
	private opened: () => void = () => {};
	private timer: ReturnType<typeof setTimeout> | undefined;
	/** The lists to be read again, and in them the objects that changed, true if they are gone; undefined is all. */
	private stale = new Map<string, Map<string, boolean> | undefined>();
	private renew: ReturnType<typeof setInterval> | undefined;

	/** The plan of what is pending, or why there is none: read only while something shows it, once for all. */
	plan(): Planned {
		if (this.plannedAt !== this.changes) {
			this.plannedAt = this.changes;
			void this.loadPlan(this.changes);
		}
		return this.planned;
	}

	private readonly marks = $derived(new Map((this.planned.plan?.objects ?? []).map((c) => [`${c.type}/${c.name}`, c])));

	/** What an apply would change of an object; undefined if nothing is pending of it. */
	pending(kind: string, id: string): Change | undefined {
		if (!this.status?.pending) return undefined;
		this.plan();
		return this.marks.get(`${kind}/${id}`);
	}

	kind(plural: string): KindInfo | undefined {
		return this.kinds.find((k) => k.plural === plural);
	}

	plural(kind: string): string {
		return this.kinds.find((k) => k.kind === kind)?.plural ?? kind + 's';
	}

	/** The pending objects of a kind; they are read when first asked for. */
	list(plural: string): List {
		if (!this.wanted.has(plural)) {
			this.wanted.add(plural);
			void this.load(plural);
		}
		return this.lists.get(plural) ?? { items: [], error: '', notice: '', loaded: false };
	}

	object(kind: string, id: string): Obj | undefined {
		return this.list(this.plural(kind)).items.find((o) => o.id === id);
	}

	/** Finds out whether the browser has a session, and starts to follow the cluster. */
	async start(): Promise<void> {
		if (route.link || !localStorage.getItem(loggedIn)) {
			this.ready = true; // a question would only be refused
			return;
		}
		try {
			const session = await data(client.GET('/api/v1/session'));
			await this.enter(session);
		} catch (error) {
			if (error instanceof Refusal && error.status === 0) {
				this.lost ||= Date.now();
				setTimeout(() => void this.start(), 2000);
				return;
			}
			this.leave();
		}
		this.ready = true;
	}

	/** Logs in by a password or by the secret of a login link. */
	async login(credentials: Schemas['Credentials']): Promise<void> {
		await this.enter(await data(client.POST('/api/v1/session', { body: credentials })));
	}

	async logout(): Promise<void> {
		await client.DELETE('/api/v1/session').catch(() => undefined);
		this.leave();
	}

	private async enter(session: Session): Promise<void> {
		authorize(session.csrf ?? '', () => this.leave());
		const again = this.session?.user === session.user;
		// What happens between the reading of a page and the opening of the stream would be
		// missed: the stream comes first.
		const [kinds, version] = await Promise.all([data(client.GET('/api/v1/kinds')), data(client.GET('/api/v1/version')), this.follow()]);
		this.session = session;
		localStorage.setItem(loggedIn, 'yes');
		this.kinds = kinds;
		this.version = version.version;
		this.labCommand = version.labCommand ?? '';
		if (!again) {
			this.lists.clear();
			this.wanted.clear();
			this.plannedAt = -1;
		}
		await this.refreshStatus();
		clearInterval(this.renew);
		this.renew = setInterval(() => void client.POST('/api/v1/session', { body: {} }).catch(() => undefined), renewal);
		this.lost = 0;
	}

	/** Opens the stream of events, and waits for it for a moment. */
	private follow(): Promise<void> {
		return new Promise((resolve) => {
			this.opened = resolve;
			setTimeout(resolve, patience);
			this.stop ??= listen((message) => this.hear(message));
		});
	}

	/** Ends what the page knows, but what is typed in a form stays. */
	private leave(): void {
		this.stop?.();
		this.stop = undefined;
		this.following = false;
		clearInterval(this.renew);
		localStorage.removeItem(loggedIn);
		this.session = undefined;
	}

	private hear(message: Message): void {
		switch (message.type) {
			case 'lost':
				this.lost = message.since;
				return;
			case 'open':
			case 'joined':
				if (this.lost || (this.session && !this.following)) this.everything();
				this.following = true;
				this.lost = 0;
				this.opened();
				return;
			case 'event':
				this.happened(message.event);
		}
	}

	private happened(event: Event): void {
		const change = event.change;
		switch (event.type) {
			case 'ready':
				return;
			case 'overflow':
			case 'applied':
				this.everything();
				return;
			case 'pending':
			case 'guest':
			case 'live':
				if (change) this.touch(this.plural(change.type), change.name, change.action === 'delete');
		}
		this.refresh();
	}

	private everything(): void {
		for (const plural of this.wanted) this.stale.set(plural, undefined);
		this.refresh();
	}

	/** Notes that an object of a list is to be read again, or is gone. */
	private touch(plural: string, id: string, gone: boolean): void {
		if (this.stale.has(plural) && !this.stale.get(plural)) return;
		const objects = this.stale.get(plural) ?? new Map();
		this.stale.set(plural, objects.size < single ? objects.set(id, gone) : undefined);
	}

	/** Reads again soon what is noted, and the status. */
	private refresh(): void {
		this.timer ??= setTimeout(() => {
			this.timer = undefined;
			const stale = this.stale;
			this.stale = new Map();
			this.changes++;
			void this.refreshStatus();
			for (const [plural, objects] of stale) {
				if (!this.wanted.has(plural)) continue;
				if (!objects || !this.lists.get(plural)?.loaded) void this.load(plural);
				else void this.reload(plural, objects);
			}
		}, settle);
	}

	/** Reads some objects of a list again; the whole list if one cannot be read, or if the list is a newer one by then. */
	private async reload(plural: string, objects: Map<string, boolean>): Promise<void> {
		const before = this.lists.get(plural);
		try {
			const kept = [...objects].filter(([, gone]) => !gone);
			const read = await Promise.all(kept.map(([id]) => data(client.GET(objectPath(plural), { params: { path: { id } } }))));
			if (before && this.lists.get(plural) === before) this.put(plural, before, objects, read as unknown as Obj[]);
			else void this.load(plural);
		} catch {
			void this.load(plural);
		}
	}

	/** Replaces objects of a list, which is sorted by name. */
	private put(plural: string, list: List, replaced: Map<string, boolean>, objects: Obj[]): void {
		const items = list.items.filter((o) => !replaced.has(o.id));
		for (const object of objects) {
			const behind = items.findIndex((o) => o.id > object.id);
			items.splice(behind < 0 ? items.length : behind, 0, object);
		}
		this.lists.set(plural, { ...list, items });
	}

	/** Reads again what a write of this page changed, without waiting for its event. */
	async changed(plural: string): Promise<void> {
		this.changes++;
		await Promise.all([this.load(plural), this.refreshStatus()]);
	}

	private async refreshStatus(): Promise<void> {
		try {
			this.status = await data(client.GET('/api/v1/status'));
		} catch {
			// The stream of events says when the server is gone.
		}
	}

	private async loadPlan(at: number): Promise<void> {
		const planned: Planned = await data(client.GET('/api/v1/plan')).then(
			(plan) => ({ plan, error: '' }),
			(error) => ({ error: error.message }),
		);
		if (at === this.plannedAt) this.planned = planned; // or a newer one is on its way
	}

	private async load(plural: string): Promise<void> {
		try {
			const answer = await client.GET(listPath(plural));
			const notice = answer.response.headers.get('Viaduct-Notice') ?? '';
			this.lists.set(plural, { items: (answer.data ?? []) as unknown as Obj[], error: '', notice, loaded: true });
		} catch (error) {
			const before = this.lists.get(plural);
			this.lists.set(plural, { items: before?.items ?? [], error: (error as Error).message, notice: '', loaded: true });
		}
	}
}

export const cluster = new Cluster();
