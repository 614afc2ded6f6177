import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Disk } from '../system/disk.ts'
import { ApiError } from './errors.ts'

/** One file of the browser application, ready to be sent. */
interface PageFile {
  readonly type: string
  readonly etag: string
  readonly cache: string
  readonly plain: Buffer
  readonly gzip: Buffer
}

const TYPES: { readonly [extension: string]: string } = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  woff2: 'font/woff2',
  webmanifest: 'application/manifest+json',
}

/** The browser application's files, held in memory: a request never becomes the path of a file. */
export class Page {
  readonly #disk: Disk
  readonly #folder: string
  #files: ReadonlyMap<string, PageFile> = new Map()

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** Reads what Vite built: `index.html` beside a folder `assets` whose names carry the hash of their content. */
  async load(): Promise<void> {
    const files = new Map<string, PageFile>()
    for (const [folder, cache] of [
      ['', 'no-cache'],
      ['/assets', 'public, max-age=31536000, immutable'],
    ] as const) {
      for (const name of await this.#disk.list(`${this.#folder}${folder}`)) {
        const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
        if (type === undefined) continue
        files.set(
          `${folder}/${name}`,
          ready(await this.#disk.readFile(`${this.#folder}${folder}/${name}`), type, cache),
        )
      }
    }
    this.#files = files
  }

  /**
   * The file behind a path; undefined where there is none.
   * @throws ApiError `PAGE_NOT_BUILT` for the page itself where nobody has built it
   */
  async file(path: string): Promise<PageFile | undefined> {
    const name = path === '/' ? '/index.html' : path
    if (name === '/index.html' && !this.#files.has(name)) await this.load()
    const file = this.#files.get(name)
    if (file !== undefined || name !== '/index.html') return file
    throw new ApiError(
      503,
      'PAGE_NOT_BUILT',
      `Cannot show the page: "${this.#folder}" has no index.html, want it built with "npm run prepare"`,
    )
  }
}

function ready(content: Uint8Array, type: string, cache: string): PageFile {
  const plain = Buffer.from(content)
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
  return { type, cache, etag, plain, gzip: gzipSync(plain) }
}
