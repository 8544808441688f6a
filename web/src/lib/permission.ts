// What the user may do, so that nothing is offered that the server would refuse. The server
// decides; this only hides.
import type { KindInfo, Session } from './client';
import { cluster, type Obj } from './cluster.svelte';

/** Whether the session has any of the privileges on a path. */
export function may(session: Session | undefined, anyOf: string[], path: string): boolean {
	if (!session) return false;
	let nearest = -1;
	let has = false;
	for (const p of session.permissions) {
		const own = p.path === path;
		const above = p.path === '/' || path.startsWith(p.path + '/');
		if (!own && !above) continue;
		if (p.path.length <= nearest) continue;
		nearest = p.path.length;
		has = ((own ? p.privileges : p.propagated) ?? []).some((name) => anyOf.includes(name));
	}
	return has;
}

/** Whether the session may write some part of the network, and so plan and apply it. */
export function mayWriteSome(session: Session | undefined): boolean {
	return (session?.permissions ?? []).some((p) => p.privileges.includes('SDN.Allocate'));
}

/** Whether the session may write an object of a kind. */
export function mayWrite(kind: KindInfo, object: Obj): boolean {
	const special = kind.permissions.filter((p) => p.for === object.id);
	const rules = special.length > 0 ? special : kind.permissions.filter((p) => !p.for);
	return rules.every((rule) => may(cluster.session, rule.write, fill(rule.path, object)));
}

/** Whether the session may write some object of a kind, so that it can add one. */
export function mayAdd(kind: KindInfo): boolean {
	const rules = kind.permissions.filter((p) => !p.for);
	return rules.every((rule) => {
		const fixed = rule.path.split('/{')[0] || '/';
		return (
			may(cluster.session, rule.write, fixed) ||
			(cluster.session?.permissions ?? []).some((p) => p.path.startsWith(fixed) && p.privileges.some((name) => rule.write.includes(name)))
		);
	});
}

/** Whether the session may add networks of its own, which begin with a zone. */
export function mayAddNetworks(): boolean {
	return cluster.kinds.some((k) => k.kind === 'zone' && mayAdd(k));
}

/** Fills the names of properties into a path; it ends before the first that is empty. */
function fill(template: string, object: Obj): string {
	let path = '';
	for (const part of template.split('/').slice(1)) {
		const name = part.startsWith('{') ? part.slice(1, -1) : '';
		let value = name ? String(object[name] ?? '') : part;
		if (name === 'zone' && !value) value = String(cluster.object('vnet', String(object['vnet'] ?? object['id']))?.['zone'] ?? '');
		if (!value || value.includes('/')) break;
		path += '/' + value;
	}
	return path || '/';
}
