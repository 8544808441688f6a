// The columns of a kind's list follow from its properties.
import type { Column } from '../components/Table.svelte';
import type { KindInfo, PropertyInfo } from './client';
import { cluster, type Obj } from './cluster.svelte';
import { href } from './router.svelte';
import { show } from './text';

const most = 6; // columns that fit beside a panel
const fixed = ['IP address', 'network', 'list of IP addresses', 'list of address ranges'];

/** The properties that a list can show. */
export function possibleColumns(kind: KindInfo): string[] {
	return showable(kind).map((p) => p.name);
}

function showable(kind: KindInfo): PropertyInfo[] {
	return kind.properties.filter((p) => p.name !== 'id' && !p.secret);
}

/** The properties that a list shows as long as nobody chooses. */
export function usualColumns(kind: KindInfo): string[] {
	const shown = showable(kind).filter((p) => p.name !== 'set');
	const used = new Set<string>();
	for (const o of cluster.list(kind.plural).items.slice(0, 500)) for (const name of Object.keys(o)) used.add(name);
	// What every object has comes first, then what some have.
	return [...shown.filter((p) => p.required), ...shown.filter((p) => !p.required && used.has(p.name))].slice(0, most).map((p) => p.name);
}

export function columnsOf(kind: KindInfo, names: string[]): Column<Obj>[] {
	const chosen = names.map((name) => showable(kind).find((p) => p.name === name)).filter((p) => p !== undefined);
	const columns: Column<Obj>[] = [{ name: 'id', title: 'Name', text: (o) => o.id, link: (o) => href(kind.plural, o.id), mono: true }];
	if (kind.kind === 'node') columns.push({ name: 'state', title: 'State', text: (o) => nodeState(o.id), state: true });
	else if (!kind.live && stated.includes(kind.kind)) columns.push({ name: 'state', title: 'State', text: (o) => stateOrMark(kind.kind, o.id), state: true });
	return columns.concat(chosen.map((p) => columnOf(p)));
}

const stated = ['zone', 'vnet', 'subnet', 'controller', 'fabric', 'fabric-node'];

function columnOf(p: PropertyInfo): Column<Obj> {
	return {
		name: p.name,
		title: p.name,
		number: p.type === 'whole number',
		mono: fixed.includes(p.type) || p.name === 'mac',
		text: (o) => (p.items && !fixed.includes(p.type) ? summary(o[p.name]) : show(o[p.name])),
		link: p.ref && p.type === 'text' ? (o) => (o[p.name] ? href(cluster.plural(p.ref!), String(o[p.name])) : undefined) : undefined,
	};
}

/** A list of structures as its number, or their names if there are few. */
function summary(value: unknown): string {
	const items = (value ?? []) as Record<string, unknown>[];
	const names = items.map((i) => i['id'] ?? i['name'] ?? i['cidr'] ?? i['prefix'] ?? i['source']);
	return items.length <= 3 && names.every(Boolean) ? names.join(', ') : items.length ? `${items.length}` : '';
}

export function nodeState(name: string): string {
	return cluster.status?.nodes.find((n) => n.name === name)?.state ?? '';
}

/** The state of an object, or if that is as declared what the next apply does with it. */
function stateOrMark(kind: string, id: string): string {
	const state = stateOf(kind, id);
	const change = state === 'converged' ? cluster.pending(kind, id) : undefined;
	return change ? (change.action === 'create' ? 'new' : 'changed') : state;
}

/** The worst state of an object on any node; converged if no node has anything to say. */
export function stateOf(kind: string, id: string): string {
	const ref = `${kind}/${id}`;
	let worst = 'converged';
	for (const problem of cluster.status?.problems ?? []) {
		if (problem.object !== ref) continue;
		if (problem.state === 'degraded') return 'degraded';
		worst = problem.state;
	}
	return worst;
}
