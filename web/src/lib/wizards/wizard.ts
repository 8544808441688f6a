// A wizard is a table: its steps, their fields, and the objects that come of them.
import type { Schemas } from '../client';
import { cluster, type Obj } from '../cluster.svelte';
import type { World } from '../world';

/** What is typed: values by part (zone, vnet, subnet…) and property. */
export type Draft = Record<string, Record<string, unknown>>;

export type Edit = { kind: string; id: string; object: Record<string, unknown> };

export interface WizardField {
	/** The part of the draft, and the kind of object that its property is of. */
	part: string;
	kind?: string;
	name: string;
	label: string;
	help: string;
	/** The property itself, for what is no property of a kind. */
	property?: Schemas['PropertyInfo'];
	when?: (draft: Draft) => boolean;
}

export interface Option {
	title: string;
	text: string;
	value: string;
}

export interface Step {
	title: string;
	/** One line on what is decided here, and what follows from it. */
	explain: string;
	/** A question with few answers, above the fields. */
	choice?: { part: string; name: string; question: string; options: (draft: Draft) => Option[] };
	fields: WizardField[];
	/** What is not typed but follows, as a sentence. */
	note?: (draft: Draft, world: World) => string;
}

export interface Wizard {
	name: string;
	title: string;
	text: string;
	guide: { title: string; page: string };
	steps: Step[];
	start: (world: World) => Draft;
	/** What follows from a changed value, such as the gateway from the network. */
	follow: (draft: Draft, before: Draft, world: World) => Draft;
	/** The objects of all steps up to one, counted from 0. */
	edits: (draft: Draft, upTo: number, world: World) => Edit[];
}

export function value(draft: Draft, part: string, name: string): string {
	const v = draft[part]?.[name];
	return v === undefined ? '' : String(v);
}

export function isSet(draft: Draft, part: string, name: string): boolean {
	return draft[part]?.[name] === true;
}

/** A draft with one value changed; undefined removes it. */
export function withValue(draft: Draft, part: string, name: string, to: unknown): Draft {
	const next = { ...draft[part] };
	if (to === undefined) delete next[name];
	else next[name] = to;
	return { ...draft, [part]: next };
}

/** An edit that makes an object of a part; properties without a value are left out. */
export function put(kind: string, part: Record<string, unknown>): Edit {
	const object = Object.fromEntries(Object.entries(part).filter(([, v]) => v !== undefined && v !== ''));
	return { kind, id: String(part['id'] ?? ''), object };
}

const inZone = 'zone:'; // begins the answer that a zone is used which exists

/** The zone that the network is put into, if it exists already; undefined if one is made. */
export function existingZone(draft: Draft): Obj | undefined {
	const answer = value(draft, 'zone', 'type');
	return answer.startsWith(inZone) ? cluster.object('zone', answer.slice(inZone.length)) : undefined;
}

/** The type of the zone that is made or used. */
export function zoneType(draft: Draft): string {
	return String(existingZone(draft)?.['type'] ?? value(draft, 'zone', 'type'));
}

/** The name of the zone that is made or used. */
export function zoneName(draft: Draft): string {
	return existingZone(draft)?.id ?? value(draft, 'zone', 'id');
}

/** Whether a zone is made. */
export function newZone(draft: Draft): boolean {
	return existingZone(draft) === undefined;
}

/** The answers that an existing zone is used. */
export function zoneOptions(fits: (zone: Obj) => boolean): Option[] {
	const most = 6;
	const zones = cluster.list('zones').items.filter(fits);
	return zones.slice(0, most).map((z) => ({ value: inZone + z.id, title: `In zone ${z.id}`, text: `which exists already (${z['type']}); it stays as it is` }));
}

/** A yes or no that is no property of an object. */
export function toggle(name: string): Schemas['PropertyInfo'] {
	return { name, doc: '', type: 'boolean' };
}
