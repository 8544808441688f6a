// Two people's changes of one object, property by property.
import type { Obj } from './cluster.svelte';

export interface Conflict {
	name: string;
	theirs: unknown;
	mine: unknown;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Merges what both made of a base. Where both changed a property, mine stands until the
 *  conflict is settled; taken lists the properties of theirs that were taken over. */
export function merge(base: Obj, mine: Obj, theirs: Obj): { merged: Obj; conflicts: Conflict[]; taken: string[] } {
	const merged: Obj = { ...mine };
	const conflicts: Conflict[] = [];
	const taken: string[] = [];
	for (const name of new Set([...Object.keys(base), ...Object.keys(mine), ...Object.keys(theirs)])) {
		if (same(base[name], theirs[name]) || same(mine[name], theirs[name])) continue;
		if (!same(base[name], mine[name])) {
			conflicts.push({ name, theirs: theirs[name], mine: mine[name] });
			continue;
		}
		taken.push(name);
		if (theirs[name] === undefined) delete merged[name];
		else merged[name] = theirs[name];
	}
	return { merged, conflicts, taken };
}
