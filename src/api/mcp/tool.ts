import type { z } from 'zod'

/** How tools ask the hub: its own REST API, with the rights of whoever asks. */
export interface AskHub {
  /**
   * The JSON of a route that answers with 2xx; with a body: a POST.
   * @throws HubRefused with the hub's own reason
   */
  ask(path: string, body?: object): Promise<unknown>
  /** Wall time, ms since the epoch. */
  now(): number
}

/** The hub said no; the message is for whoever asked. */
export class HubRefused extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'HubRefused'
    this.code = code
  }
}

/** A question that an assistant can ask. */
export interface Tool {
  readonly name: string
  readonly title: string
  /** What it is for, to whom nothing of Millrace is known. */
  readonly description: string
  readonly input: z.ZodObject
  /** It can change the plant. */
  readonly writes?: true
  /** Lines of the answer. */
  run(input: unknown, hub: AskHub): Promise<readonly string[]>
}

/** A tool whose `run` takes what its schema gives. */
export function tool<Input extends z.ZodObject>(
  about: Omit<Tool, 'input' | 'run'> & {
    readonly input: Input
    readonly run: (input: z.output<Input>, hub: AskHub) => Promise<readonly string[]>
  },
): Tool {
  return { ...about, run: (input, hub) => about.run(input as z.output<Input>, hub) }
}

/** A query of an address, without what was not given. */
export function queryText(query: { readonly [name: string]: string | number | boolean | undefined }): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  const text = new URLSearchParams(given).toString()
  return text === '' ? '' : `?${text}`
}

/** A path of an asset in an address. */
export function pathText(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}
