// The elements of the picture as the nodes and edges that Cytoscape draws.
import type { ElementDefinition } from 'cytoscape';
import type { Element, Picture } from './graph';

const signs: Record<string, string> = { converged: '✓', warning: '▲', degraded: '✕', unreachable: '◌', applying: '⟳', added: '+', changed: '~', removed: '−' };
const nameLeft = 34;
const letter = 7;

/** The class of a shape: a pending change counts more than a state. */
function look(e: Element): string {
	return e.change || e.state || 'unknown';
}

/** The sign of an element that is not simply in place. */
function mark(e: Element): string {
	if (e.change) return signs[e.change] + ' ';
	return e.state && e.state !== 'converged' ? signs[e.state] + ' ' : '';
}

/** A text with its middle cut to a width. */
function fit(text: string, width: number, per = letter): string {
	const room = Math.max(1, Math.floor(width / per));
	if (text.length <= room) return text;
	const half = Math.floor((room - 1) / 2);
	return text.slice(0, half) + '…' + text.slice(text.length - Math.max(half, 1));
}

class Parts {
	readonly list: ElementDefinition[] = [];
	constructor(private readonly picture: Picture) {}

	/** A box; of is the element that it belongs to. */
	box(e: Element, suffix: string, classes: string, label: string, at?: { x: number; y: number; w: number; h: number }): void {
		const place = at ?? e;
		this.list.push({
			group: 'nodes',
			data: { id: e.id + suffix, of: e.id, label, w: Math.max(place.w, 1), h: Math.max(place.h, 1) },
			position: { x: place.x, y: place.y },
			pannable: true,
			grabbable: false,
			classes: `${classes} ${look(e)}`,
		});
	}

	/** Texts beside each other that begin at a place. */
	name(e: Element, x: number, y: number, width: number, beside: boolean, movable: boolean): void {
		const big = this.picture.dense && (e.kind === 'zone' || e.kind === 'underlay');
		const per = big ? 15 : e.kind === 'zone' || e.kind === 'underlay' || e.kind === 'ports' ? 9 : letter;
		const name = fit(mark(e) + e.label, width, per);
		const kind = `${big ? ' big' : ''}${movable ? ' movable' : ''}`;
		this.box(e, '#name', `name ${e.kind}${kind}`, name, { x, y, w: 1, h: 1 });
		if (!e.detail) return;
		const detail = beside ? { x: x + name.length * per + 14, y } : { x, y: y + 13 };
		this.box(e, '#detail', 'detail' + (big ? ' big' : ''), beside ? e.detail : fit(e.detail, width, 6.2), { ...detail, w: 1, h: 1 });
	}

	edge(e: Element): void {
		const by = new Map<string, Element>();
		for (const other of this.picture.elements) if (other.id === e.from || other.id === e.to) by.set(other.id, other);
		const [a, b] = [by.get(e.from!), by.get(e.to!)];
		if (!a || !b) return;
		// The curve goes below the row of its ends, whichever is on the left.
		const span = b.x - a.x;
		const depth = (40 + Math.min(100, Math.abs(span) * 0.09)) * (span < 0 ? -1 : 1);
		this.list.push({ group: 'edges', data: { id: e.id, of: e.id, source: a.id, target: b.id, label: mark(e).trim(), depth: e.kind === 'port' ? 0 : depth }, classes: `${e.kind} ${look(e)}` });
	}

	add(e: Element): void {
		const left = e.x - e.w / 2;
		const top = e.y - e.h / 2;
		switch (e.kind) {
			case 'node':
				this.node(e);
				return;
			case 'zone':
			case 'underlay':
			case 'ports':
				this.box(e, '', e.kind === 'zone' ? 'band' : 'band under', '');
				this.name(e, left + 14, top + (this.picture.dense && e.kind !== 'ports' ? 18 : 16), 190, true, e.kind === 'zone');
				return;
			case 'vnet':
			case 'fabric':
			case 'controller':
				this.box(e, '', 'wire', '');
				this.name(e, nameLeft, e.y - 4, 172, false, e.kind === 'vnet');
				return;
			case 'links':
				this.box(e, '', e.links ? 'wire bundle' : 'hidden', '');
				this.name(e, nameLeft, e.y - 4, 172, false, false);
				return;
			case 'subnet':
			case 'router':
			case 'interface': {
				const text = mark(e) + e.label;
				const both = (text + e.detail).length * 6.6 + 20 <= e.w;
				const lines = e.h >= 34 ? `${fit(text, e.w - 8)}\n${fit(e.detail ?? '', e.w - 8, 6)}` : both ? `${text}  ${e.detail}` : fit(text, e.w - 8);
				this.box(e, '', 'box', lines);
				return;
			}
			case 'guest':
				this.box(e, '', 'box pill', fit(mark(e) + e.label, e.w - 10));
				return;
			case 'guests':
			case 'member':
			case 'vtep':
				if (e.guests) this.box(e, '', 'box pill', mark(e) + e.label);
				else this.box(e, '', 'dot', mark(e).trim());
				return;
		}
	}

	private node(e: Element): void {
		if (e.state === 'degraded' || e.state === 'unreachable') {
			const top = e.y + e.h / 2;
			const height = this.picture.height - top;
			this.box(e, '#column', 'column', '', { x: e.x, y: top + height / 2, w: e.w, h: height });
		} else {
			const top = e.y + e.h / 2;
			this.box(e, '#column', 'guide', '', { x: e.x, y: (top + this.picture.height) / 2, w: 1, h: this.picture.height - top });
		}
		const state = e.state || 'unknown';
		if (this.picture.dense) this.box(e, '', 'box head vertical movable', fit(mark(e) + e.label, e.h - 10, 11));
		else this.box(e, '', 'box head movable', `${fit(e.label, e.w - 10, 8.5)}\n${signs[state] ?? ''} ${state}${e.change ? ', ' + e.change : ''}`);
	}
}

const most = 1200; // elements that Cytoscape takes in at once

/** The crossings that are drawn without Cytoscape: those of a picture with very many. */
export function cellsOf(picture: Picture): Element[] {
	return picture.dense || picture.elements.length > most ? picture.elements.filter((e) => e.kind === 'guests' || e.kind === 'member' || e.kind === 'guest') : [];
}

/** Everything else to draw, nodes before the edges between them. */
export function partsOf(picture: Picture): ElementDefinition[] {
	const parts = new Parts(picture);
	const apart = new Set(cellsOf(picture));
	for (const e of picture.elements) if (!e.from && !apart.has(e)) parts.add(e);
	for (const e of picture.elements) if (e.from) parts.edge(e);
	return parts.list;
}
