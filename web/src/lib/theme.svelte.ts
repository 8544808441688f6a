// The colours: those of the system, or the user's choice, which the browser remembers.
class Theme {
	private value = $state(localStorage.getItem('theme') ?? 'system');

	constructor() {
		this.show();
	}

	get choice(): string {
		return this.value;
	}

	set choice(value: string) {
		this.value = value;
		localStorage.setItem('theme', value);
		this.show();
	}

	private show(): void {
		if (this.value === 'system') delete document.documentElement.dataset['theme'];
		else document.documentElement.dataset['theme'] = this.value;
	}
}

export const theme = new Theme();
