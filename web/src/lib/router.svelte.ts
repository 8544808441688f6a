// The address bar names what is shown: back works, and an address can be mailed.

/** Reads /login#USER:SECRET. */
function loginLink(): { user: string; link: string } | undefined {
	const [user, link] = decodeURIComponent(location.hash.slice(1)).split(':');
	if (location.pathname !== '/login') return undefined;
	history.replaceState(null, '', '/');
	return user && link ? { user, link } : undefined;
}

class Route {
	path = $state(location.pathname);
	query = $state(location.search);
	/** The login link that the page was opened by; its secret leaves the address bar and the history at once. */
	link = $state.raw(loginLink());
	/** What may be lost by going to a path, or by closing the page; empty if nothing. Asked before every move. */
	unsaved: (to?: string) => string = () => '';

	get parts(): string[] {
		return this.path.split('/').filter(Boolean).map(decodeURIComponent);
	}

	param(name: string): string {
		return new URLSearchParams(this.query).get(name) ?? '';
	}
}

export const route = new Route();

/** The address that is shown, for a user who stays with what is not saved. */
let last = location.href;

/** Goes to an address of this interface, unless the user keeps what is not saved. */
export function go(to: string, replace = false): void {
	if (!mayLeave(new URL(to, location.href).pathname)) return;
	history[replace ? 'replaceState' : 'pushState'](null, '', to);
	follow();
}

function mayLeave(to: string): boolean {
	const lost = route.unsaved(to);
	if (!lost) return true;
	if (!confirm(lost)) return false;
	route.unsaved = () => '';
	return true;
}

function follow(): void {
	last = location.href;
	route.path = location.pathname;
	route.query = location.search;
}

/** The address of an object's panel. */
export function href(plural: string, id?: string): string {
	return `/${plural}${id === undefined ? '' : '/' + encodeURIComponent(id)}`;
}

window.addEventListener('popstate', () => {
	if (!mayLeave(location.pathname)) {
		history.pushState(null, '', last);
		return;
	}
	follow();
});
window.addEventListener('click', (event) => {
	const link = event.target instanceof Element ? event.target.closest('a') : null;
	const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
	if (!link || !plain || link.target || link.origin !== location.origin || link.hasAttribute('download') || /^\/(api|docs)/.test(link.pathname)) return;
	event.preventDefault();
	go(link.pathname + link.search);
});
window.addEventListener('beforeunload', (event) => {
	if (route.unsaved()) event.preventDefault();
});
