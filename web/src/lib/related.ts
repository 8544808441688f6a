// What refers to an object, found by the kinds' references.
import type { KindInfo } from './client';
import { cluster, type Obj } from './cluster.svelte';
import { heading } from './text';

export interface Group {
	title: string;
	plural: string;
	objects: Obj[];
}

/** The objects that refer to one, by kind. */
export function related(kind: KindInfo, object: Obj): Group[] {
	const out: Group[] = [];
	for (const other of cluster.kinds) {
		const names = other.properties.filter((p) => p.ref === kind.kind && !p.items);
		const inItems = other.properties.flatMap((p) => (p.items ?? []).filter((i) => i.ref === kind.kind).map((i) => [p.name, i.name] as const));
		if (names.length === 0 && inItems.length === 0) continue;
		const objects = cluster.list(other.plural).items.filter(
			(o) =>
				names.some((p) => [o[p.name]].flat().includes(object.id)) ||
				inItems.some(([list, name]) => ((o[list] ?? []) as Record<string, unknown>[]).some((i) => [i[name]].flat().includes(object.id))),
		);
		if (objects.length > 0) out.push({ title: heading(other.plural), plural: other.plural, objects });
	}
	return out;
}
