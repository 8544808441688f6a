// What a plan means for those who use the network, one sentence for each object.
import type { Plan, Schemas } from './client';
import { cluster } from './cluster.svelte';
import { count, noun } from './text';

export interface Effect {
	state: 'degraded' | 'warning' | 'unreachable';
	text: string;
}

type Nodes = Pick<Plan, 'nodes'>['nodes'];
const few = 6; // names in a sentence

/** The sentences of a plan, the gravest first. */
export function effects(nodes: Nodes, warnings: Schemas['Problem'][] = []): Effect[] {
	const silent = nodes.filter((n) => n.unknown).map((n) => n.node);
	return [
		...notes(nodes),
		...warnings.map((w) => ({ state: 'warning' as const, text: `${noun(w.kind)} ${w.id}${w.field ? `: ${w.field}` : ''}: ${w.message}` })),
		...interruptions(nodes),
		...(silent.length ? [{ state: 'unreachable' as const, text: `${names(silent)}: not reported yet, so what changes there is not known.` }] : []),
	];
}

/** What nodes remark on the plan, each once with the nodes that do. */
function notes(nodes: Nodes): Effect[] {
	const by = new Map<string, { level: string; text: string; nodes: string[] }>();
	for (const n of nodes)
		for (const note of n.notes ?? []) {
			if (note.level === 'info' || note.standing) continue;
			const key = note.level + note.object + note.message;
			const one = by.get(key) ?? { level: note.level, text: `${note.object}: ${note.message}`, nodes: [] };
			one.nodes.push(n.node);
			by.set(key, one);
		}
	return [...by.values()]
		.sort((a, b) => a.level.localeCompare(b.level))
		.map((n) => ({ state: n.level === 'error' ? 'degraded' : 'warning', text: `${n.text} (${names(n.nodes)})` }));
}

/** The links that are removed or made again, by the object that they belong to. */
function interruptions(nodes: Nodes): Effect[] {
	const by = new Map<string, { owner: string; gone: boolean; links: Set<string>; nodes: string[] }>();
	for (const n of nodes) {
		const owners = new Map<string, { gone: boolean; links: string[] }>();
		for (const c of n.changes) {
			if (c.type !== 'link' || (c.action !== 'delete' && c.action !== 'replace')) continue;
			const owner = c.owner || `link/${c.name}`;
			const one = owners.get(owner) ?? { gone: false, links: [] };
			// The link with the object's own name is what others are connected to.
			if (c.action === 'delete' && (owner.endsWith('/' + c.name) || !c.owner)) one.gone = true;
			one.links.push(c.name);
			owners.set(owner, one);
		}
		for (const [owner, { gone, links }] of owners) {
			const key = `${owner} ${gone}`;
			const one = by.get(key) ?? { owner, gone, links: new Set(), nodes: [] };
			for (const link of links) one.links.add(link);
			one.nodes.push(n.node);
			by.set(key, one);
		}
	}
	return [...by.values()].map(({ owner, gone, links, nodes }) => ({ state: 'warning' as const, text: sentence(owner, gone, [...links], nodes) }));
}

function sentence(owner: string, gone: boolean, links: string[], nodes: string[]): string {
	const [kind = '', ...rest] = owner.split('/');
	const id = rest.join('/');
	const what = kind === 'vnet' && gone ? `VNet ${id} is removed from ${names(nodes)}` : gone ? `${noun(kind)} ${id} is removed from ${names(nodes)}` : `${noun(kind)} ${id}: ${names(links)} ${links.length === 1 ? 'is' : 'are'} removed or made again on ${names(nodes)}`;
	const guests = kind === 'vnet' ? guestsOn(id, nodes) : [];
	const who = guests.length ? `${count(guests.length, 'guest')} (${names(guests)}) ${guests.length === 1 ? 'loses' : 'lose'}` : 'what uses it loses';
	return `${what}: ${who} ${gone ? 'this network' : 'the connection for a moment'}.`;
}

/** The guests of nodes with a NIC in a VNet. */
function guestsOn(vnet: string, nodes: string[]): string[] {
	return cluster
		.list('guests')
		.items.filter((g) => (!g['node'] || nodes.includes(String(g['node']))) && ((g['nics'] ?? []) as { vnet?: string }[]).some((nic) => nic.vnet === vnet))
		.map((g) => String(g['name'] ?? g.id));
}

/** Some of many names: "node1, node2 and 5 more". */
function names(all: string[]): string {
	return all.length <= few ? all.join(', ') : `${all.slice(0, few - 1).join(', ')} and ${all.length - few + 1} more`;
}
