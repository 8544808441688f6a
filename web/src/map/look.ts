// How the map looks: the colours of the page's own style, which a canvas has to be told.
import type { StylesheetJson } from 'cytoscape';

const names = ['ground', 'raised', 'line', 'text', 'muted', 'accent', 'chosen', 'warning', 'warning-ground', 'bad', 'bad-ground', 'good', 'good-ground'] as const;
export type Colours = Record<(typeof names)[number], string>;

/** The colours of the theme that is shown. */
export function colours(): Colours {
	const probe = document.createElement('span');
	document.body.append(probe);
	const out = {} as Colours;
	for (const name of names) {
		probe.style.color = `var(--${name})`;
		out[name] = getComputedStyle(probe).color;
	}
	probe.remove();
	return out;
}

export function styleOf(c: Colours): StylesheetJson {
	const font = getComputedStyle(document.documentElement).fontFamily;
	const mono = 'Liberation Mono, Menlo, Consolas, monospace';
	const node = (selector: string, style: object): { selector: string; style: object } => ({ selector, style });
	return [
		node('node', {
			width: 'data(w)', height: 'data(h)', label: 'data(label)', shape: 'rectangle', 'background-color': c.ground, 'border-color': c.line, 'border-width': 1,
			color: c.text, 'font-family': font, 'font-size': 12, 'text-valign': 'center', 'text-halign': 'center', 'text-wrap': 'wrap', 'text-max-width': 1000,
			'min-zoomed-font-size': 5, 'z-index-compare': 'manual', 'z-index': 3, 'overlay-opacity': 0, 'transition-duration': 0,
		}),
		node('.band', { shape: 'round-rectangle', 'corner-radius': 8, 'background-color': c.chosen, 'background-opacity': 0.55, 'border-width': 0, 'z-index': 0 }),
		node('.band.under', { 'background-color': c.raised, 'background-opacity': 1, 'border-width': 1 }),
		node('.column', { 'background-color': c['bad-ground'], 'background-opacity': 0.8, 'border-width': 0, 'z-index': 1, events: 'no' }),
		node('.guide', { 'background-color': c.line, 'background-opacity': 0.6, 'border-width': 0, 'z-index': 1, events: 'no' }),
		node('.wire', { 'background-color': c.accent, 'border-width': 0, 'z-index': 2 }),
		node('.bundle', { 'background-opacity': 0.45 }),
		node('.hidden', { 'background-opacity': 0, 'border-width': 0, events: 'no' }),
		node('.box', { shape: 'round-rectangle', 'corner-radius': 4, 'z-index': 4 }),
		node('.pill', { 'corner-radius': 12 }),
		node('.dot', { shape: 'ellipse', 'border-color': c.accent, 'border-width': 2, 'font-size': 11, 'z-index': 3 }),
		node('.head', { 'font-weight': 'bold', 'font-size': 14, 'line-height': 1.35, 'corner-radius': 6, 'border-width': 1.5 }),
		node('.vertical', { 'text-rotation': -Math.PI / 2, 'font-size': 19 }),
		node('.name', { 'background-opacity': 0, 'border-width': 0, 'text-halign': 'right', 'font-weight': 'bold', 'font-size': 13, 'text-events': 'yes', 'z-index': 5 }),
		node('.name.zone, .name.underlay, .name.ports', { 'font-size': 15 }),
		node('.detail', { 'background-opacity': 0, 'border-width': 0, 'text-halign': 'right', 'font-size': 11, color: c.muted, 'z-index': 5, events: 'no' }),
		node('.name.big', { 'font-size': 23 }),
		node('.detail.big', { 'font-size': 17 }),
		node('edge', {
			width: 1.5, 'line-color': c.accent, 'curve-style': 'unbundled-bezier', 'control-point-distances': 'data(depth)', 'control-point-weights': 0.5, label: 'data(label)', color: c.bad,
			'font-size': 13, 'z-index-compare': 'manual', 'z-index': 2, 'overlay-opacity': 0,
		}),
		node('.port', { 'curve-style': 'straight', 'line-color': c.line }),
		...states(c, node),
		node('.wire[width]', { height: 'data(width)' }),
		node('edge[width]', { width: 'data(width)' }),
		node('.movable:grabbable', { 'underlay-color': c.accent, 'underlay-opacity': 0.18, 'underlay-padding': 4 }),
		node('.faded', { opacity: 0.22 }),
		node('.band.faded', { opacity: 0.6 }),
		node('.selected.box, .selected.dot, .selected.wire', { 'outline-color': c.accent, 'outline-width': 3, 'outline-offset': 2 }),
		node('.selected.band', { 'border-width': 2, 'border-color': c.accent }),
		node('.subnet', { 'font-family': mono }),
	];
}

/** States and changes by colour and by the line's form; their signs are in the labels. */
function states(c: Colours, node: (selector: string, style: object) => { selector: string; style: object }): { selector: string; style: object }[] {
	const out: { selector: string; style: object }[] = [];
	const show = (name: string, line: string, ground: string, form: string, width: number): void => {
		out.push(
			node(`.box.${name}`, { 'border-color': line, 'border-style': form, 'border-width': width, 'background-color': ground, color: line }),
			node(`.dot.${name}`, { 'border-color': line, 'border-style': form, color: line }),
			node(`.wire.${name}`, { 'background-color': line }),
			node(`.name.${name}`, { color: line }),
			node(`edge.${name}`, { 'line-color': line, 'line-style': form, width: width + 0.5, color: line }),
		);
	};
	show('warning', c.warning, c['warning-ground'], 'solid', 2);
	show('degraded', c.bad, c['bad-ground'], 'solid', 3);
	show('unreachable', c.bad, c['bad-ground'], 'dashed', 3);
	show('applying', c.accent, c.ground, 'dotted', 2);
	show('added', c.good, c['good-ground'], 'dashed', 2);
	show('removed', c.bad, c['bad-ground'], 'dotted', 2);
	show('changed', c.warning, c['warning-ground'], 'dashed', 2);
	out.push(node('.band.added', { 'border-width': 2, 'border-style': 'dashed', 'border-color': c.good }), node('.band.removed', { 'border-width': 2, 'border-style': 'dotted', 'border-color': c.bad }), node('.band.changed', { 'border-width': 2, 'border-style': 'dashed', 'border-color': c.warning }));
	return out;
}
