/** The address of a page of the documentation, which the server has too; it opens beside the interface. */
export function docs(page: string): string {
	return `/docs/${page}`;
}
