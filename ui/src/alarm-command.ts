import type { AlarmCommandRequest, AlarmCommandView, ProblemView } from '../../src/api/contract.ts'

/** Asks the hub for an action; answers why it was not done, or not all of it, and undefined where it was. */
export async function commandAlarms(request: AlarmCommandRequest): Promise<string | undefined> {
  try {
    const answer = await fetch('/api/v1/alarms/commands', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    if (!answer.ok) return ((await answer.json()) as ProblemView).message
    const { refused } = (await answer.json()) as AlarmCommandView
    if (refused.length === 0) return undefined
    return `Done, but for ${refused.length} of them: ${refused[0]!.reason}`
  } catch {
    return 'The hub does not answer: nobody knows whether it was done'
  }
}
