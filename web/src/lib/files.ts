// Files that a plan changes, line by line.
import { diffLines } from 'diff';

export interface File {
	name: string;
	old?: string;
	new?: string;
}

/** A line of both sides; a side that is missing has none there. */
export interface Row {
	left?: { number: number; text: string };
	right?: { number: number; text: string };
	changed: boolean;
}

/** Both sides of a file, with what was removed beside what took its place. */
export function rowsOf(file: File): Row[] {
	const out: Row[] = [];
	let left = 0;
	let right = 0;
	let removed: Row[] = [];
	for (const part of diffLines(file.old ?? '', file.new ?? '')) {
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
