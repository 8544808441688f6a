/** The address of a page of the documentation, which opens beside the interface. */
export function docs(page: string): string {
	return `https://github.com/viaduct-sdn/viaduct/blob/main/docs/${page}`;
}
