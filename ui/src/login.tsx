import { useState } from 'preact/hooks'
import type { ProblemView } from '../../src/api/contract.ts'

/** Asks for a token and trades it for a session: the token itself is not kept in the page. */
export function Login({ onIn }: { readonly onIn: () => void }) {
  const [problem, setProblem] = useState('')
  const logIn = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const token = new FormData(form).get('token')
    setProblem(await trade(typeof token === 'string' ? token : ''))
    form.reset()
    if ((await fetch('/api/v1/status')).ok) onIn()
  }
  return (
    <main class="login">
      <form class="card login-card" onSubmit={(event) => void logIn(event)}>
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1>Millrace</h1>
        <label>
          Access token
          <input name="token" type="password" required autoComplete="current-password" autoFocus />
        </label>
        <p class="problem" role="alert">
          {problem}
        </p>
        <button type="submit">Log in</button>
        <p class="hint">A token comes from the "api" section of the hub's configuration.</p>
      </form>
    </main>
  )
}

/** Says what went wrong; nothing where it went well. */
async function trade(token: string): Promise<string> {
  try {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch('/api/v1/login', { method: 'POST', headers, body: JSON.stringify({ token }) })
    if (answer.ok) return ''
    const { code, message } = (await answer.json()) as ProblemView
    return code === 'UNAUTHENTICATED' ? 'This token is not known here.' : message
  } catch {
    return 'The hub does not answer.'
  }
}
