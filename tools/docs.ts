import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { createProgram } from '../src/cli/program.ts'
import { renderReference } from '../src/config/render.ts'
import { ERRORS } from '../src/errors.ts'
import { KINDS } from '../src/registry.ts'
import { renderOpenApi } from './openapi/document.ts'

/** The pages that are made from the code, by path. `npm run docs` writes them, a test holds them against the code. */
export const PAGES: { readonly [path: string]: () => string } = {
  'docs/configuration.md': () => renderReference(KINDS),
  'docs/cli.md': renderCommands,
  'docs/errors.md': renderErrors,
  'src/api/openapi.json': renderOpenApi,
}

export function pagePath(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url))
}

function renderCommands(): string {
  const program = createProgram(() => {})
  const all = [program, ...program.commands.flatMap((command) => [command, ...command.commands])]
  return [
    '# The command line',
    '<!-- Made by "npm run docs" from the commands in src/cli/. Do not edit. -->',
    'In a checkout: `npx millrace COMMAND`. Exit codes: 0 it worked, 1 it did not (or the answer is no), 2 it was asked ' +
      'wrongly (unknown option, bad config). Results go to stdout, everything else to stderr; `--json` makes the result ' +
      'one JSON document or one a line.',
    ...all.map((command) => `## ${nameOf(command)}\n\n\`\`\`\n${helpOf(command)}\n\`\`\``),
  ]
    .join('\n\n')
    .concat('\n')
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trim()
}

function renderErrors(): string {
  const rows = Object.entries(ERRORS)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([code, { what, todo, retriable }]) => `| \`${code}\` | ${what} | ${todo} | ${retriable ? 'yes' : 'no'} |`)
  return [
    '# Error codes',
    '<!-- Made by "npm run docs" from src/errors.ts. Do not edit. -->',
    'Every error Millrace answers, logs or writes to quarantine carries one of these codes. "Again" says whether the same ' +
      'thing may succeed when it is tried again unchanged.',
    ['| code | what happened | what to do | again |', '|---|---|---|---|', ...rows].join('\n'),
  ]
    .join('\n\n')
    .concat('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, render] of Object.entries(PAGES)) {
    const before = await readFile(pagePath(path), 'utf8').catch(() => '')
    const now = render()
    if (now !== before) await writeFile(pagePath(path), now)
    console.log(`${now === before ? 'as it was ' : 'written   '} ${path}`)
  }
}
