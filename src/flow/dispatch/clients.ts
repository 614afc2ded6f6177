import type { Commands } from '../../commands/commands.ts'
import type { Person } from '../../commands/person.ts'
import type { Requests } from '../../commands/requests.ts'
import { isSettled } from '../../commands/tracked.ts'
import { wishOf } from '../../commands/wish.ts'
import type { CommandRequest, SourceContext } from '../../component/source.ts'
import type { System } from '../../system/system.ts'
import { outcomeJson } from './outcomes.ts'

export interface ClientsOptions {
  readonly site: string
  readonly commands: Commands
  readonly requests: Pick<Requests, 'request'>
  /** Who somebody is, by the name under which he has logged in; undefined: nobody who may command. */
  readonly person: (name: string) => Person | undefined
  readonly system: Pick<System, 'logger'>
}

type Tell = Parameters<NonNullable<SourceContext['ask']>>[1]

/** Requests of clients of sources, as of an MQTT listener: decided as all others are, and told how they end. */
export class Clients {
  readonly #options: ClientsOptions

  constructor(options: ClientsOptions) {
    this.#options = options
  }

  /** See `SourceContext.ask`. */
  ask(request: CommandRequest, tell: Tell): void {
    this.#ask(request, tell).catch((error: unknown) => {
      this.#options.system.logger.warn('Cannot take a request of a client', { by: request.by, error })
      tell(refusal('not-stored', 'It could not be stored; it may be asked for again with the same key'))
    })
  }

  async #ask({ asset, by, key, fields }: CommandRequest, tell: Tell): Promise<void> {
    const { site, person, requests } = this.#options
    const full = asset.startsWith(`${site}/`) ? asset : `${site}/${asset}`
    const wish = wishOf({ ...fields, asset: full, ...(key !== undefined && { key }) })
    if (typeof wish === 'string') return tell(refusal('type', wish))
    const answer = await requests.request(wish, person(by) ?? { name: by, can: [] }, { via: 'mqtt' })
    if (answer.kind === 'refused') {
      const reasons = answer.reasons.map(({ code, message }) => ({ code, message }))
      return tell({ state: 'refused', reasons })
    }
    const { id, state } = answer
    tell({ id, state, ...(answer.repeated && { repeated: true }) })
    this.#tellEnd(id, tell)
  }

  #tellEnd(id: string, tell: Tell): void {
    const { commands } = this.#options
    const known = commands.get(id)
    if (known !== undefined && isSettled(known)) return tell(outcomeJson(known))
    const end = commands.subscribe((command) => {
      if (command.request.id !== id || !isSettled(command)) return
      end()
      tell(outcomeJson(command))
    })
  }
}

function refusal(code: string, message: string) {
  return { state: 'refused', reasons: [{ code, message }] }
}
