// What is typed in the wizards stays while one looks at other pages.
import { SvelteMap } from 'svelte/reactivity';
import { cluster } from '../cluster.svelte';
import { readWorld, type World } from '../world';
import type { Draft, Wizard } from './wizard';

interface Begun {
	world: World;
	proposed: Draft;
	draft: Draft;
}

const begun = new SvelteMap<string, Begun>();
const needed = ['zones', 'vnets', 'subnets', 'controllers', 'fabrics'];

/** A wizard that was begun; undefined until what it proposes is known. */
export function draftOf(wizard: Wizard): Begun | undefined {
	return begun.get(wizard.name);
}

/** Whether the lists that proposals are made of are read. */
export function ready(): boolean {
	return cluster.kinds.length > 0 && needed.filter((plural) => cluster.kind(plural)).every((plural) => cluster.list(plural).loaded);
}

/** Begins a wizard, unless it was begun. */
export async function begin(wizard: Wizard): Promise<void> {
	if (begun.has(wizard.name)) return;
	const world = await readWorld();
	const proposed = wizard.start(world);
	begun.set(wizard.name, { world, proposed, draft: proposed });
}

export function change(wizard: Wizard, draft: Draft): void {
	const one = begun.get(wizard.name)!;
	begun.set(wizard.name, { ...one, draft: wizard.follow(draft, one.draft, one.world) });
}

export function finish(wizard: Wizard): void {
	begun.delete(wizard.name);
}
