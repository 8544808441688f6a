// What the browser remembers of a list, if it may: private windows may not.

/** A remembered value of any form; undefined if there is none. */
export function remembered<T>(key: string): T | undefined {
	try {
		return JSON.parse(localStorage.getItem(key) ?? 'null') ?? undefined;
	} catch {
		return undefined;
	}
}

export function remember(key: string, value: unknown): void {
	try {
		if (value === undefined) localStorage.removeItem(key);
		else localStorage.setItem(key, JSON.stringify(value));
	} catch {
		// It is only forgotten.
	}
}
