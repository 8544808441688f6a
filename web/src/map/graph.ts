// What the map knows of the picture: which elements belong together, and what an address
// names.
import type { Schemas } from '../lib/client';

export type Picture = Schemas['Topology'];
export type Element = Schemas['Element'];

/** What is joined to an element at once: what holds it, what it holds, its node, its ends. */
export function linksOf(picture: Picture): Map<string, string[]> {
	const links = new Map<string, string[]>();
	const join = (a: string, b: string | undefined): void => {
		if (!b) return;
		(links.get(a) ?? links.set(a, []).get(a)!).push(b);
		(links.get(b) ?? links.set(b, []).get(b)!).push(a);
	};
	for (const e of picture.elements) {
		join(e.id, e.parent === 'underlay' ? undefined : e.parent);
		join(e.id, e.node);
		join(e.id, e.from);
		join(e.id, e.to);
	}
	return links;
}

/** Elements that only join others: what is beyond them is a neighbour, too. */
const joints: ReadonlySet<string> = new Set<Element['kind']>(['guest', 'guests', 'member', 'vtep', 'link', 'port']);

/** The elements that an address names: an element itself, or all that show an object. */
export function named(picture: Picture, name: string): Element[] {
	return picture.elements.filter((e) => e.id === name || e.ref === name);
}

/** What stays clear when something is in focus: it and its neighbours. */
export function near(picture: Picture, focus: Element[]): Set<string> {
	const links = linksOf(picture);
	const by = new Map(picture.elements.map((e) => [e.id, e]));
	const kept = new Map<string, number>();
	// What a zone holds stays clear with all that is on it.
	const crossed = focus.some((e) => e.kind === 'zone') ? new Set([...joints, 'vnet']) : joints;
	// Further is how many joints the way may still cross.
	const visit = (id: string, further: number): void => {
		if ((kept.get(id) ?? -1) >= further) return;
		kept.set(id, further);
		if (further === 0) return;
		for (const other of links.get(id) ?? []) {
			const e = by.get(other);
			if (e) visit(other, crossed.has(e.kind) ? further - 1 : 0);
		}
	};
	for (const e of focus) visit(e.id, 3);
	return new Set(kept.keys());
}

const kindNames: Partial<Record<Element['kind'], string>> = {
	vnet: 'VNet', guests: 'guests', vtep: 'link ends', links: 'links', ports: 'interfaces', underlay: 'underlay',
};

export function kindName(e: Element): string {
	return kindNames[e.kind] ?? e.kind;
}

/** The address of an element on the map. */
export function mapPath(name: string): string {
	return '/map/' + name.split('/').map(encodeURIComponent).join('/');
}

/** What an element is called in the table and by a search. */
export function title(e: Element): string {
	if (e.kind === 'guests') return e.guests ? `${e.label}: ${e.detail}` : (e.detail ?? '');
	return e.label || e.detail || e.id;
}

/** The rank that puts an element before the one at an index of its siblings, in their order. */
export function rankAt(siblings: Element[], index: number): number {
	const before = siblings[index - 1]?.rank ?? (index > 0 ? index - 1 : undefined);
	const after = siblings[index]?.rank ?? (index < siblings.length ? index : undefined);
	if (siblings.length === 0) return 0;
	if (before === undefined) return (after ?? 0) - 1;
	if (after === undefined) return before + 1;
	return (before + after) / 2;
}
