import { Command } from 'commander'
import { HubRefused, type AskHub } from '../api/mcp/tool.ts'
import { systemClock } from '../system/clock.ts'
import { VERSION } from '../version.ts'
import { pageOf, type HubOptions } from './ask-hub.ts'
import { EXIT } from './failure.ts'
import { dataOption } from './options.ts'
import type { Done } from './program.ts'

interface McpOptions extends HubOptions {
  readonly allowCommands?: boolean
}

export const mcpCommand = (done: Done) =>
  new Command('mcp')
    .description(
      'lets an assistant ask a running hub: a server of the Model Context Protocol on stdin and stdout, for reading',
    )
    .addOption(dataOption())
    .option('--page <url>', 'page of a hub, instead of the one of the data directory')
    .option(
      '--allow-commands',
      'it may also tell machines what to do, as far as the token may; by itself only on trial',
    )
    .addHelpText(
      'after',
      '\nAn assistant starts it by itself; stdout is the protocol. A hub with `api.tokens` is asked with the token in\nMILLRACE_TOKEN: give it one that can only read.\n\nExamples:\n  millrace mcp --page http://hub-a:8080\n  millrace mcp --data /var/lib/millrace',
    )
    .action(async (options: McpOptions) => done(await serve(options)))

async function serve(options: McpOptions): Promise<number> {
  const hub = await hubOf(options)
  const [{ serveStdio }, { createMcpServer }] = await Promise.all([
    import('@modelcontextprotocol/server/stdio'),
    import('../api/mcp/server.ts'),
  ])
  const ended = Promise.withResolvers<void>()
  process.stdin.once('end', ended.resolve)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.resolve())
  const handle = serveStdio(() => createMcpServer(hub, VERSION, options.allowCommands))
  await ended.promise
  await handle.close()
  return EXIT.ok
}

/** How long one question to the hub may take. */
const ASK_MS = 30_000

async function hubOf(options: HubOptions): Promise<AskHub> {
  const page = await pageOf(options)
  const token = process.env['MILLRACE_TOKEN']
  return {
    now: () => systemClock.now(),
    async ask(path, body) {
      const headers = {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      }
      const told = body && { method: 'POST', body: JSON.stringify(body) }
      const signal = AbortSignal.timeout(ASK_MS)
      const answer = await fetch(new URL(path, page), { headers, signal, ...told }).catch((cause: unknown) => {
        throw new HubRefused('HUB_UNREACHABLE', `Cannot ask "${page}": ${(cause as Error).message}, want a running hub`)
      })
      const json = (await answer.json().catch(() => ({}))) as { readonly code?: string; readonly message?: string }
      if (answer.ok) return json
      throw new HubRefused(json.code ?? String(answer.status), json.message ?? 'without a reason')
    },
  }
}
