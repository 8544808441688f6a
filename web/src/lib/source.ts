// An object in the forms in which others take it.
import type { KindInfo } from './client';
import type { Obj } from './cluster.svelte';

/** The properties that a person writes, in the kind's order. */
function written(kind: KindInfo, object: Obj): [string, unknown][] {
	return kind.properties.filter((p) => object[p.name] !== undefined && !p.secret).map((p) => [p.name, object[p.name]]);
}

export async function manifest(kind: KindInfo, object: Obj): Promise<string> {
	const { stringify } = await import('yaml');
	return stringify({ kind: kind.kind, ...Object.fromEntries(written(kind, object)) }, { lineWidth: 0 });
}

/** The object as arguments of the command line; an existing one is set, a new one created. */
export function command(kind: KindInfo, object: Obj, exists: boolean): string {
	const words = written(kind, object)
		.filter(([name]) => name !== 'id')
		.flatMap(([name, value]) => assignments(kind, name, value));
	return [`viaduct ${exists ? 'set' : 'create'} ${kind.kind} ${quote(object.id)}`, ...words.map(quote)].join(' \\\n  ');
}

function assignments(kind: KindInfo, name: string, value: unknown): string[] {
	const property = kind.properties.find((p) => p.name === name);
	if (!Array.isArray(value)) return [`${name}=${String(value)}`];
	if (!property?.items) return [`${name}=${value.join(',')}`];
	const items = value as Record<string, unknown>[];
	if (property.type === 'list of address ranges') return [`${name}=${items.map((i) => `${i['start-address']}-${i['end-address']}`).join(',')}`];
	return items.flatMap((item, place) => {
		const key = property.key ? String(item[property.key]) : String(place);
		const rest = Object.entries(item).filter(([k]) => k !== property.key);
		if (rest.length === 0) return [`${name}.${key}.${property.key}=${key}`];
		return rest.map(([k, v]) => `${name}.${key}.${k}=${Array.isArray(v) ? v.join(',') : String(v)}`);
	});
}

function quote(text: string): string {
	return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function call(kind: KindInfo, object: Obj): string {
	const body = JSON.stringify(Object.fromEntries(written(kind, object)), undefined, 2);
	return `PUT /api/v1/${kind.plural}/${encodeURIComponent(object.id)}\nContent-Type: application/json\n\n${body}`;
}
