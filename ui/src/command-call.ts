import type {
  ApprovalRequest,
  CommandAnswerView,
  CommandRefusalView,
  CommandRequest,
  CommandView,
} from '../../src/api/contract-commands.ts'
import type { ProblemView } from '../../src/api/contract.ts'

/** What came of asking the hub for a command. */
export type Asked =
  | { readonly kind: 'taken'; readonly answer: CommandAnswerView }
  /** It was not taken: nothing was sent. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** Nobody knows whether it was taken; the same key asked again tells. */
  | { readonly kind: 'silent' }

export function askCommand(request: CommandRequest): Promise<Asked> {
  return post('/api/v1/commands', request)
}

export function approve(id: string, request: ApprovalRequest): Promise<Asked> {
  return post(`/api/v1/commands/${encodeURIComponent(id)}/approve`, request)
}

async function post(url: string, body: CommandRequest | ApprovalRequest): Promise<Asked> {
  try {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
    if (answer.ok) return { kind: 'taken', answer: (await answer.json()) as CommandAnswerView }
    const problem = (await answer.json()) as ProblemView & Partial<CommandRefusalView>
    const reasons = problem.reasons?.map(({ message }) => message) ?? []
    return { kind: 'refused', reasons: reasons.length > 0 ? reasons : [problem.message] }
  } catch {
    return { kind: 'silent' }
  }
}

/** How a command fares; undefined while the hub does not say. */
export async function commandState(id: string, signal: AbortSignal): Promise<CommandView | undefined> {
  try {
    const answer = await fetch(`/api/v1/commands/${encodeURIComponent(id)}`, { signal })
    return answer.ok ? ((await answer.json()) as CommandView) : undefined
  } catch {
    return undefined
  }
}
