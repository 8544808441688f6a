// The crossings of a large picture: thousands of small boxes, drawn above the map without
// Cytoscape, which would need seconds to take them in.
import type { Element } from './graph';
import type { Colours } from './look';

const smallest = 5; // pixels of a letter that can be guessed at
const letter = 13;
const rest = 100; // milliseconds without a move

export class Layer {
	private readonly canvas = document.createElement('canvas');
	private cells: Element[] = [];
	private heads: Element[] = [];
	private colours: Colours;
	/** The view that the canvas was drawn for; nothing while it is out of date. */
	private drawn: { x: number; y: number; zoom: number } | undefined;
	private timer: ReturnType<typeof setTimeout> | undefined;

	constructor(container: HTMLElement, colours: Colours) {
		this.colours = colours;
		this.canvas.className = 'map-layer';
		container.append(this.canvas);
	}

	/** Sets the crossings, and the nodes whose names stay in sight when their heads do not. */
	show(cells: Element[], heads: Element[]): void {
		this.cells = cells;
		this.heads = heads;
		this.drawn = undefined;
	}

	paint(colours: Colours): void {
		this.colours = colours;
		this.drawn = undefined;
	}

	/** The box at a place of the picture. */
	at(x: number, y: number): Element | undefined {
		return this.cells.find((c) => Math.abs(c.x - x) <= c.w / 2 && Math.abs(c.y - y) <= c.h / 2);
	}

	/** Follows the view: while it moves what was drawn is moved, and drawn again at rest. */
	follow(pan: { x: number; y: number }, zoom: number, kept: Set<string> | undefined): void {
		clearTimeout(this.timer);
		if (!this.drawn || (this.drawn.x === pan.x && this.drawn.y === pan.y && this.drawn.zoom === zoom)) {
			this.draw(pan, zoom, kept);
			return;
		}
		const scale = zoom / this.drawn.zoom;
		this.canvas.style.transform = `matrix(${scale}, 0, 0, ${scale}, ${pan.x - this.drawn.x * scale}, ${pan.y - this.drawn.y * scale})`;
		const at = { ...pan };
		this.timer = setTimeout(() => this.draw(at, zoom, kept), rest);
	}

	draw(pan: { x: number; y: number }, zoom: number, kept: Set<string> | undefined): void {
		const { clientWidth: width, clientHeight: height } = this.canvas;
		const scale = devicePixelRatio;
		if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
			this.canvas.width = Math.round(width * scale);
			this.canvas.height = Math.round(height * scale);
		}
		const c = this.canvas.getContext('2d');
		if (!c) return;
		this.canvas.style.transform = '';
		this.drawn = { ...pan, zoom };
		c.setTransform(1, 0, 0, 1, 0, 0);
		c.clearRect(0, 0, this.canvas.width, this.canvas.height);
		c.setTransform(scale * zoom, 0, 0, scale * zoom, scale * pan.x, scale * pan.y);
		c.font = `${letter}px ${getComputedStyle(this.canvas).fontFamily}`;
		c.textAlign = 'center';
		c.textBaseline = 'middle';
		const texts = letter * zoom >= smallest;
		const [left, top] = [-pan.x / zoom, -pan.y / zoom];
		const [right, bottom] = [left + width / zoom, top + height / zoom];
		for (const e of this.cells) {
			if (e.x + e.w < left || e.x - e.w > right || e.y + e.h < top || e.y - e.h > bottom) continue;
			this.box(c, e, texts, kept === undefined || kept.has(e.id));
		}
		c.globalAlpha = 1;
		const below = Math.max(0, ...this.heads.map((h) => h.y + h.h / 2));
		if (this.heads.length > 0 && top > below) this.names(c, scale, pan, zoom, width);
	}

	/** The names of the nodes along the upper edge: upright where columns are narrow. */
	private names(c: CanvasRenderingContext2D, scale: number, pan: { x: number; y: number }, zoom: number, width: number): void {
		const upright = (this.heads[0]?.w ?? 0) * zoom < 70;
		const height = upright ? 76 : 24;
		c.setTransform(scale, 0, 0, scale, 0, 0);
		c.font = `bold ${upright ? 11 : 13}px ${getComputedStyle(this.canvas).fontFamily}`;
		c.fillStyle = this.colours.raised;
		c.fillRect(0, 0, width, height);
		for (const e of this.heads) {
			const x = e.x * zoom + pan.x;
			if (x < 0 || x > width) continue;
			const [line, , sign] = this.look(e);
			c.fillStyle = sign ? line : this.colours.text;
			const name = (sign ? sign + ' ' : '') + e.label;
			c.save();
			c.translate(x, upright ? height - 4 : height / 2);
			if (upright) {
				c.rotate(-Math.PI / 2);
				c.textAlign = 'left';
			}
			c.fillText(upright ? name.slice(0, 12) : name, 0, 1, upright ? height - 8 : e.w * zoom);
			c.restore();
		}
	}

	private box(c: CanvasRenderingContext2D, e: Element, texts: boolean, clear: boolean): void {
		const [line, ground, sign] = this.look(e);
		c.globalAlpha = clear ? 1 : 0.22;
		c.fillStyle = ground;
		c.strokeStyle = line;
		c.lineWidth = sign ? 3 : 1.5;
		c.beginPath();
		c.roundRect(e.x - e.w / 2, e.y - e.h / 2, e.w, e.h, e.h / 2);
		c.fill();
		c.stroke();
		const text = e.guests ? e.label : sign;
		if (!texts || !text) return;
		c.fillStyle = sign ? line : this.colours.text;
		c.fillText(text, e.x, e.y + 1);
	}

	/** The colours of a state, and its sign unless it is in place. */
	private look(e: Element): [line: string, ground: string, sign: string] {
		const c = this.colours;
		switch (e.state) {
			case 'warning':
				return [c.warning, c['warning-ground'], '▲'];
			case 'degraded':
				return [c.bad, c['bad-ground'], '✕'];
			case 'unreachable':
				return [c.bad, c['bad-ground'], '◌'];
			case 'applying':
				return [c.accent, c.ground, '⟳'];
		}
		return [c.accent, c.ground, ''];
	}
}
