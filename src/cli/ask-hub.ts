/** Where a command finds the hub that it asks. */
export interface HubOptions {
  readonly data: string
  readonly page?: string
}

/** The page of a running hub: the one that is named, or that of the data directory. */
export async function pageOf({ data, page }: HubOptions): Promise<string> {
  if (page !== undefined) return page
  const { runningPage } = await import('../attach.ts')
  const { machine } = await import('./machine.ts')
  return runningPage(data, machine({ logLevel: 'warn', logFormat: 'text' }))
}

/**
 * Asks a hub over its API, with the token in MILLRACE_TOKEN; with a body: tells it.
 * @throws Error where it does not answer, or not with 200, with the hub's own reason
 */
export async function askHub<T>(page: string, path: string, body?: object, withinMs?: number): Promise<T> {
  const { status, ok, body: told } = await tellHub(page, path, body, withinMs)
  if (ok) return told as T
  const { message = 'without a reason' } = told as { readonly message?: string }
  throw new Error(`Cannot ask "${page}": it answered ${status} (${message}), want 200`)
}

/**
 * The same with whatever it answers.
 * @throws Error where it does not answer
 */
export async function tellHub(
  page: string,
  path: string,
  body?: object,
  withinMs = 10_000,
): Promise<{ readonly status: number; readonly ok: boolean; readonly body: unknown }> {
  const token = process.env['MILLRACE_TOKEN']
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body && { 'content-type': 'application/json' }),
  }
  const told = body && { method: 'POST', body: JSON.stringify(body) }
  const init = { headers, ...told, signal: AbortSignal.timeout(withinMs) }
  const answer = await fetch(new URL(path, page), init).catch((cause: unknown) => {
    throw new Error(`Cannot ask "${page}": ${reasonOf(cause)}, want the page of a running hub`, { cause })
  })
  return { status: answer.status, ok: answer.ok, body: await answer.json().catch(() => ({})) }
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error ? cause.message : message
}
