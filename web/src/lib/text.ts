// Values as people read them.
import type { PropertyInfo } from './client';

/** The text of any property's value. */
export function show(value: unknown): string {
	if (value === undefined || value === null || value === '') return '';
	if (typeof value === 'boolean') return value ? 'yes' : 'no';
	if (Array.isArray(value)) return value.map((v) => (typeof v === 'object' ? item(v as Record<string, unknown>) : show(v))).join(', ');
	if (typeof value === 'object') return item(value as Record<string, unknown>);
	return String(value);
}

function item(value: Record<string, unknown>): string {
	if ('start-address' in value && 'end-address' in value) return `${value['start-address']}-${value['end-address']}`;
	const first = value['id'] ?? value['name'] ?? value['cidr'] ?? value['prefix'];
	const rest = Object.entries(value).filter(([, v]) => v !== first);
	return [first, ...rest.map(([k, v]) => `${k}=${show(v)}`)].filter((v) => v !== undefined).join(' ');
}

/** A long text with its middle cut, so that both ends can be told apart. */
export function cut(text: string, length = 40): string {
	if (text.length <= length) return text;
	const half = Math.floor((length - 1) / 2);
	return text.slice(0, half) + '…' + text.slice(text.length - half);
}

/** How long ago something was: "12 s", "3 min", "2 h", "5 d". */
export function age(from: number, now: number): string {
	const seconds = Math.max(0, Math.round((now - from) / 1000));
	if (seconds < 100) return `${seconds} s`;
	if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
	if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
	return `${Math.round(seconds / 86400)} d`;
}

/** A time of today without its date. */
export function clock(time: string): string {
	const t = new Date(time);
	const today = new Date().toDateString() === t.toDateString();
	return today ? t.toLocaleTimeString() : t.toLocaleString();
}

/** The limits of a property as a hint below its field. */
export function limits(p: PropertyInfo): string {
	if (p.max) return `${p.min ?? 0} to ${p.max}${p.unit ? ' ' + p.unit : ''}`;
	if (p.maxLength) return `up to ${p.maxLength} characters`;
	return '';
}

/** "1 object", "2 objects". */
export function count(n: number, noun: string, plural = noun + 's'): string {
	return `${n} ${n === 1 ? noun : plural}`;
}

/** A test whether a text has all typed words, in any order and case. */
export function matcher(typed: string): (text: string) => boolean {
	const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
	return (text) => {
		const lower = text.toLowerCase();
		return words.every((w) => lower.includes(w));
	};
}

/** The heading of a kind: "Zones", "VNets", "IP sets". */
export function heading(plural: string): string {
	const special: Record<string, string> = { vnets: 'VNets', ipams: 'IPAM', dns: 'DNS servers', 'ip-sets': 'IP sets' };
	const text = plural.replaceAll('-', ' ');
	return special[plural] ?? text[0]!.toUpperCase() + text.slice(1);
}

/** A kind within a sentence: "zone", "VNet", "IP set". */
export function noun(kind: string): string {
	const special: Record<string, string> = { vnet: 'VNet', ipam: 'IPAM', dns: 'DNS server', 'ip-set': 'IP set', nic: 'NIC' };
	return special[kind] ?? kind.replaceAll('-', ' ');
}

/** Compares names with the numbers in them as numbers: node2 is before node10. */
export const compareNames = new Intl.Collator(undefined, { numeric: true }).compare;

/** The signs of changes, as the command line has them. */
export const changeSigns: Record<string, string> = { create: '+', update: '~', replace: '±', delete: '−' };
