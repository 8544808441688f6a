// Files that a plan changes, line by line.
import { diffLines } from 'diff';
import type { Change, Plan } from './client';

export interface File {
	name: string;
	nodes: string[];
	old: string;
	new: string;
}

/** A line of both sides; a side that is missing has none there. */
export interface Row {
	left?: { number: number; text: string };
	right?: { number: number; text: string };
	changed: boolean;
}

function long(text = ''): boolean {
	return text.includes('\n');
}

/** Whether a change is of a file's content. */
export function isFile(change: Change): boolean {
	return (change.fields ?? []).some((f) => long(f.old) || long(f.new));
}

/** The files of a plan; one that changes alike on several nodes is listed once. */
export function filesOf(nodes: Plan['nodes']): File[] {
	const by = new Map<string, File>();
	for (const n of nodes)
		for (const c of n.changes)
			for (const f of c.fields ?? []) {
				if (!long(f.old) && !long(f.new)) continue;
				const key = JSON.stringify([c.type, c.name, f.old, f.new]);
				const file = by.get(key) ?? { name: `${c.type} ${c.name}`, nodes: [], old: f.old ?? '', new: f.new ?? '' };
				file.nodes.push(n.node);
				by.set(key, file);
			}
	return [...by.values()];
}

/** Both sides of a file, with what was removed beside what took its place. */
export function rowsOf(file: File): Row[] {
	const out: Row[] = [];
	let left = 0;
	let right = 0;
	let removed: Row[] = [];
	for (const part of diffLines(file.old, file.new)) {
		for (const text of part.value.replace(/\n$/, '').split('\n')) {
			if (part.removed) {
				const row: Row = { left: { number: ++left, text }, changed: true };
				removed.push(row);
				out.push(row);
			} else if (part.added) {
				const beside = removed.shift();
				const side = { number: ++right, text };
				if (beside) beside.right = side;
				else out.push({ right: side, changed: true });
			} else {
				removed = [];
				out.push({ left: { number: ++left, text }, right: { number: ++right, text }, changed: false });
			}
		}
	}
	return out;
}
