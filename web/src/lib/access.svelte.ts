// Who may do what, read when a page shows it.
import { client, data, type Schemas } from './client';
import { cluster } from './cluster.svelte';
import { may } from './permission';

export type User = Schemas['User'];
export type Group = Schemas['Group'];
export type Role = Schemas['Role'];
export type Token = Schemas['UserToken'];
export type Entry = Schemas['ACLEntry'];
export type Permission = Schemas['Permission'];

class Access {
	users = $state.raw<User[]>([]);
	groups = $state.raw<Group[]>([]);
	roles = $state.raw<Role[]>([]);
	tokens = $state.raw<Token[]>([]);
	acl = $state.raw<Entry[]>([]);
	privileges = $state.raw<Schemas['Privilege'][]>([]);
	error = $state('');
	loaded = $state(false);

	async load(): Promise<void> {
		try {
			[this.users, this.groups, this.roles, this.tokens, this.acl, this.privileges] = await Promise.all([
				data(client.GET('/api/v1/access/users')),
				data(client.GET('/api/v1/access/groups')),
				data(client.GET('/api/v1/access/roles')),
				data(client.GET('/api/v1/access/tokens')),
				data(client.GET('/api/v1/access/acl')),
				data(client.GET('/api/v1/access/privileges')),
			]);
			this.error = '';
		} catch (refusal) {
			this.error = (refusal as Error).message;
		}
		this.loaded = true;
	}
}

export const access = new Access();

/** The version of a user, group, role or token as it is now. */
export async function etag(what: 'users' | 'groups' | 'roles' | 'tokens', id: string): Promise<string> {
	const answer = await client.GET(`/api/v1/access/${what}/{id}`, { params: { path: { id } } }).catch(() => undefined);
	return answer?.response.headers.get('ETag') ?? '*';
}

/** Whether the session may change users. root@pam only changes itself. */
export function mayChangeUsers(): boolean {
	return may(cluster.session, ['User.Modify'], '/access');
}

export function mayChangeTokens(user: string): boolean {
	return user === cluster.session?.user || mayChangeUsers();
}

/** Whether the session may change groups. */
export function mayChangeGroups(): boolean {
	return may(cluster.session, ['Group.Allocate'], '/access/groups');
}

export function mayChangeRoles(): boolean {
	return may(cluster.session, ['Sys.Modify'], '/access');
}

/** Whether the session may give and take permissions on a path, or on any. */
export function mayGrant(path?: string): boolean {
	if (path !== undefined) return may(cluster.session, ['Permissions.Modify'], path);
	return (cluster.session?.permissions ?? []).some((p) => p.privileges.includes('Permissions.Modify'));
}

/** A day of a form as seconds since 1970, the end of that day; 0 for none. */
export function endOf(day: string): number {
	return day ? Math.floor(new Date(`${day}T23:59:59`).getTime() / 1000) : 0;
}

/** Seconds since 1970 as a day of a form. */
export function dayOf(seconds = 0): string {
	if (!seconds) return '';
	const d = new Date(seconds * 1000);
	return [d.getFullYear(), String(d.getMonth() + 1).padStart(2, '0'), String(d.getDate()).padStart(2, '0')].join('-');
}

/** The paths on which permissions make sense: those of objects that exist. */
export function paths(): string[] {
	const out = ['/', '/sdn', '/sdn/zones', '/nodes', '/vms', '/access', '/access/groups'];
	for (const k of cluster.kinds)
		for (const o of cluster.list(k.plural).items)
			for (const p of k.permissions) {
				if (p.for && p.for !== o.id) continue;
				const path = p.path.replace(/\{([\w-]+)\}/g, (_, name) => String(o[name] ?? (name === 'zone' ? (cluster.object('vnet', String(o['vnet'] ?? o.id))?.['zone'] ?? '') : '')));
				if (!path.includes('//') && !path.endsWith('/')) out.push(path);
			}
	for (const n of cluster.status?.nodes ?? []) out.push(`/nodes/${n.name}`);
	return [...new Set(out)].sort();
}
