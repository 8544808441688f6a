// What is pending, and its way back.
import { client, type Change, type Schemas } from './client';
import { cluster } from './cluster.svelte';
import { mayWrite, mayWriteSome } from './permission';
import { count } from './text';

type Edit = Schemas['PendingEdit'];

/** Whose edits are pending: "3 pending edits by you, 1 by ben". */
export function authors(edits: Edit[], own: string): string {
	const by = new Map<string, number>();
	for (const edit of edits) by.set(edit.author, (by.get(edit.author) ?? 0) + 1);
	const mine = by.get(own) ?? 0;
	by.delete(own);
	const others = [...by].map(([author, n]) => [n, author] as const);
	const parts = mine ? [[mine, 'you'] as const, ...others] : others;
	return parts.map(([n, author], i) => (i === 0 ? `${count(n, 'pending edit')} by ${author}` : `${n} by ${author}`)).join(', ');
}

/** The last pending edit by an author. */
export function lastBy(edits: Edit[], author: string): Edit | undefined {
	return edits.findLast((edit) => edit.author === author && edit.number !== undefined);
}

/** Takes back one edit. */
export async function undo(edit: Edit): Promise<void> {
	await client.POST('/api/v1/undo', { body: { edit: edit.number ?? 0 } });
	await refresh(edit.objects);
}

/** Takes back all that is pending of an object. */
export async function discardObject(change: Change): Promise<void> {
	const ref = `${change.type}/${change.name}`;
	await client.POST('/api/v1/discard', { body: { objects: [ref] } });
	await refresh([ref]);
}

async function refresh(objects: string[]): Promise<void> {
	const kinds = new Set(objects.map((ref) => ref.split('/')[0]!));
	await Promise.all([...kinds].map((kind) => cluster.changed(cluster.plural(kind))));
}

/** Whether the user may take back what is pending of an object. */
export function mayDiscard(change: Change): boolean {
	const kind = cluster.kinds.find((k) => k.kind === change.type);
	const object = cluster.object(change.type, change.name);
	if (!kind || !mayWriteSome(cluster.session)) return false;
	return object ? mayWrite(kind, object) : true; // where a deleted object was, the server knows
}
