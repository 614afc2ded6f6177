import { relative, resolve, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ISLANDS, LAYERS } from '../../src/layers.ts'

/** The rules of this house, as a plugin of oxlint: who may import whom, and what the core may not touch. */
const src = fileURLToPath(new URL('../../src', import.meta.url))

/** Why an import is not allowed, or undefined where it is. `from` is a path of a file, `to` what it imports. */
export function layerFault(from: string, to: string): string | undefined {
  if (!to.startsWith('.')) return undefined
  const importer = place(from)
  const imported = place(resolve(dirname(from), to))
  if (importer === undefined || imported === undefined) return undefined
  if (isTest(from)) return undefined
  if (importer.folder === imported.folder) return islandFault(importer, imported)
  const allowed = LAYERS[importer.folder]
  if (allowed === undefined) return `"${importer.folder}" is not in src/layers.ts: give it a row`
  if (allowed.includes(imported.folder)) return undefined
  const list = allowed.length === 0 ? 'nothing' : allowed.join(', ')
  return `src/${importer.folder} may not import src/${imported.folder}: it may import ${list} (src/layers.ts)`
}

interface Place {
  /** First name below `src`: a folder, or a file such as `hub.ts`. */
  readonly folder: string
  /** Second name below `src`. */
  readonly child: string
}

function place(path: string): Place | undefined {
  const parts = relative(src, path).split('/')
  if (parts[0] === '..' || parts[0] === '') return undefined
  return { folder: parts[0]!, child: parts[1] ?? '' }
}

function islandFault(importer: Place, imported: Place): string | undefined {
  if (!ISLANDS.includes(importer.folder) || importer.child === imported.child) return undefined
  return `src/${importer.folder}/${importer.child} may not import src/${imported.folder}/${imported.child}: they are islands`
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

/** Modules and globals that the core reaches only through `system/`, so that tests and the simulator own them. */
const CORE = [
  'model',
  'component',
  'config',
  'log',
  'ledger',
  'flow',
  'twins',
  'alarms',
  'historian',
  'sources',
  'processors',
  'sinks',
  'api',
]
const BANNED_MODULES = ['node:fs', 'node:fs/promises', 'node:net', 'node:timers', 'node:timers/promises']
const BANNED_CALLS = ['setTimeout', 'setInterval']
const BANNED_MEMBERS = ['Date.now', 'Math.random', 'performance.now']

/** Whether a file belongs to the core, where time, chance, disk and network are arguments. */
export function isCore(path: string): boolean {
  const at = place(path)
  return at !== undefined && CORE.includes(at.folder) && !isTest(path)
}

interface Node {
  readonly type: string
  readonly source?: { readonly value?: unknown } | null
  readonly callee?: Node
  readonly name?: string
  readonly object?: Node
  readonly property?: Node
  readonly importKind?: string
}

interface Context {
  readonly filename: string
  report(problem: { message: string; node: Node }): void
}

const layers = {
  create(context: Context) {
    const check = (node: Node) => {
      const to = node.source?.value
      const fault = typeof to === 'string' ? layerFault(context.filename, to) : undefined
      if (fault !== undefined) context.report({ message: fault, node })
    }
    return {
      ImportDeclaration: check,
      ImportExpression: (node: Node) => check(node),
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    }
  },
}

const injected = {
  create(context: Context) {
    if (!isCore(context.filename)) return {}
    return {
      ImportDeclaration(node: Node) {
        const module = String(node.source?.value)
        if (node.importKind === 'type' || !BANNED_MODULES.includes(module)) return
        context.report({ message: `The core may not import "${module}": take it from system/ as an argument`, node })
      },
      CallExpression(node: Node) {
        const name = callName(node.callee)
        if (!BANNED_CALLS.includes(name) && !BANNED_MEMBERS.includes(name)) return
        context.report({
          message: `The core may not call ${name}: take clock or random from system/ as an argument`,
          node,
        })
      },
    }
  },
}

function callName(callee: Node | undefined): string {
  if (callee?.type === 'Identifier') return callee.name ?? ''
  if (callee?.type === 'MemberExpression') return `${callee.object?.name ?? ''}.${callee.property?.name ?? ''}`
  return ''
}

const plugin = { meta: { name: 'millrace' }, rules: { layers, injected } }

// oxlint takes a plugin as a module's default export.
export default plugin
