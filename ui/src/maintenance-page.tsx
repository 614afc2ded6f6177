import { useState } from 'preact/hooks'
import type { EventsView, ValuesView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { Crumbs } from './crumbs.tsx'
import { numberText } from './format.ts'
import { Problem } from './log-page.tsx'
import { ENDINGS, livesOf, scaleOf, tellDone, type Advice, type Life } from './maintenance.ts'
import { Age, Mark } from './marks.tsx'
import type { PageProps } from './pages.tsx'
import { placeHref } from './route.ts'
import type { Store } from './store.ts'

const EVERY_MS = 2_000
/** Rows shown; they are the most urgent ones. */
const SHOWN = 200

/** What will fail when, and what is best done about it: what is due first comes first. */
export function MaintenancePage({ store, path }: PageProps) {
  const on = encodeURIComponent(path === '' ? '**' : `${path}/**`)
  const tags = ENDINGS.map((ending) => encodeURIComponent(`*${ending}`)).join(',')
  const values = useAnswer<ValuesView>(`/api/v1/values?on=${on}&tags=${tags}&limit=2000`, EVERY_MS)
  const url = '/api/v1/events?type=maintenance.advised&latest=true&limit=1000'
  const advised = useAnswer<EventsView>(url, EVERY_MS)
  const lives = livesOf(values.value, advised.value)
  const isDue = lives.filter(({ advice }) => advice !== undefined)
  const others = lives.filter(({ advice }) => advice === undefined)
  return (
    <section class="maintenance" aria-labelledby="maintenance-title">
      {path !== '' && <Crumbs path={path} />}
      <h1 id="maintenance-title">Maintenance</h1>
      <Problem text={values.problem ?? advised.problem} />
      {values.value !== undefined && lives.length === 0 && (
        <p class="hint">
          No remaining life is known here. A processor <span class="path">remaining-life</span> foretells it from a
          limit, or from how a fleet has failed.
        </p>
      )}
      <Lives store={store} title="Due" lives={isDue} all={lives} />
      <Lives store={store} title="Nothing due" lives={others} all={lives} />
    </section>
  )
}

interface LivesProps {
  readonly store: Store
  readonly title: string
  readonly lives: readonly Life[]
  readonly all: readonly Life[]
}

function Lives({ store, title, lives, all }: LivesProps) {
  if (lives.length === 0) return null
  return (
    <>
      <h2 class="lives-title">
        {title} <span class="muted num">{lives.length}</span>
      </h2>
      <ul class="accounts">
        {lives.slice(0, SHOWN).map((life) => (
          <li key={`${life.path}#${life.prefix}`} class="card account life" data-life={life.path}>
            <LifeRow store={store} life={life} scale={scaleOf(all, life.unit)} />
          </li>
        ))}
      </ul>
      {lives.length > SHOWN && <p class="hint">and {lives.length - SHOWN} more that are less urgent</p>}
    </>
  )
}

function LifeRow({ store, life, scale }: { readonly store: Store; readonly life: Life; readonly scale: number }) {
  const { path, advice, failure } = life
  const places = path.split('/')
  return (
    <>
      <div class="life-row">
        <div class="account-name">
          <h3>{places.at(-1)}</h3>
          <a class="hint" href={placeHref(path)}>
            {places.slice(2).join(' / ')}
          </a>
        </div>
        <Due store={store} life={life} />
        <Left life={life} scale={scale} />
        <dl class="life-figures">
          <div class="fact">
            <dt>Failure risk</dt>
            <dd class="num">{failure === undefined ? '–' : `${numberText(100 * failure, 0)} %`}</dd>
          </div>
          <div class="fact">
            <dt>Waiting costs</dt>
            <dd class="num">{advice === undefined ? '–' : numberText(advice.costOfWaiting, 1)}</dd>
          </div>
        </dl>
        <Done path={path} />
      </div>
      {advice !== undefined && (
        <p class="hint life-why">
          Advised <Age store={store} at={advice.time} /> ago: {advice.why}
        </p>
      )}
    </>
  )
}

/** An advice whose time has come without maintenance is overdue. */
function Due({ store, life: { advice, unit } }: { readonly store: Store; readonly life: Life }) {
  if (advice === undefined) return <div class="life-due muted">Nothing due</div>
  const isOver = advice.due < store.now()
  const isUrgent = advice.action === 'now' || isOver
  return (
    <div class="life-due">
      <span class="count" data-state={isUrgent ? 'bad' : 'uncertain'}>
        <Mark state={isUrgent ? 'bad' : 'uncertain'} />{' '}
        {advice.action === 'now' ? 'Maintain now' : isOver ? 'Overdue' : 'Plan it'}
      </span>
      {advice.action === 'plan' && <span class="hint">{dueText(advice, unit, isOver)}</span>}
    </div>
  )
}

function dueText({ due, until }: Advice, unit: string, isOver: boolean): string {
  if (Number.isNaN(due)) return `within ${numberText(until, 0)} ${unit} of use`
  const day = new Date(due).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  return `${isOver ? 'since' : 'by'} ${day}`
}

/** What is left, from now to the right: the interval, and the median in it. */
function Left({ life: { left, low, high, unit }, scale }: { readonly life: Life; readonly scale: number }) {
  if (left === undefined && low === undefined) return <div class="muted">Nothing can be said yet</div>
  const at = (value: number) => Math.round(300 * Math.min(1, Math.max(0, value / scale)))
  const from = at(low ?? 0)
  const to = high === undefined ? 300 : at(high)
  const text = (value: number | undefined) => (value === undefined ? 'later' : numberText(value, 0))
  return (
    <div class="life-left">
      <div class="cover-text">
        <span class="muted">Left</span>{' '}
        <strong class="num">
          {text(left)} {unit}
        </strong>
        <span class="hint num">
          {text(low)} to {text(high)}
        </span>
      </div>
      <svg class="cover-bar" viewBox="0 0 300 22" preserveAspectRatio="none" aria-hidden="true">
        <rect class="cover-track" x="0" y="9" width="300" height="2" />
        <rect class="life-interval" x={from} y="4" width={Math.max(2, to - from)} height="12" />
        {left !== undefined && <path class="life-median" d={`M${Math.max(1, at(left))} 0V20`} />}
      </svg>
    </div>
  )
}

/** Two steps: a life that was ended by mistake is gone. */
function Done({ path }: { readonly path: string }) {
  const [step, setStep] = useState<'ask' | 'sure' | 'sent' | { readonly problem: string }>('ask')
  const send = async () => {
    setStep('sent')
    const problem = await tellDone(path)
    setStep(problem === undefined ? 'ask' : { problem })
  }
  return (
    <div class="life-done">
      {step === 'sure' ? (
        <>
          <button class="button primary" type="button" onClick={() => void send()}>
            It is as new
          </button>
          <button class="button" type="button" onClick={() => setStep('ask')}>
            Cancel
          </button>
        </>
      ) : (
        <button class="button" type="button" disabled={step === 'sent'} onClick={() => setStep('sure')}>
          Maintenance done
        </button>
      )}
      {typeof step === 'object' && <p role="alert">{step.problem}</p>}
    </div>
  )
}
