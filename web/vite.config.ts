import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The bundle is committed in dist and embedded by the Go package in this folder, so the
// build must give the same files for the same sources everywhere.
export default defineConfig({
	plugins: [svelte()],
	build: {
		outDir: 'dist',
		emptyOutDir: true,
		target: 'es2022',
		modulePreload: { polyfill: false },
		// Nothing may be inlined: the policy of the page (CSP) allows files only.
		assetsInlineLimit: 0,
		cssCodeSplit: false,
	},
});
