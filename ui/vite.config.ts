import { defineConfig } from 'vite'

/** `vite build ui` writes the page to `ui/dist`; `vite ui` serves it for development, with the API of a hub on 8080. */
// Vite takes its config as a module's default export.
export default defineConfig({
  base: '/',
  build: {
    target: 'es2023',
    // The hub's policy allows no inline script, and one small style sheet needs no splitting.
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true } } },
})
