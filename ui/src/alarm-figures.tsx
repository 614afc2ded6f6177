import type { AlarmFiguresView } from '../../src/api/contract.ts'
import { useState } from 'preact/hooks'
import { PriorityMark } from './alarm-marks.tsx'
import { momentText, PRIORITIES } from './alarm-words.ts'
import { useAnswer } from './answer.ts'
import { numberText } from './format.ts'
import { Problem } from './log-page.tsx'
import { Mark } from './marks.tsx'
import { placeHref } from './route.ts'
import type { Store } from './store.ts'

const EVERY_MS = 10_000

const SPANS = [
  { text: 'last hour', ms: 3_600_000 },
  { text: 'last 8 hours', ms: 8 * 3_600_000 },
  { text: 'last day', ms: 24 * 3_600_000 },
  { text: 'last 30 days', ms: 30 * 24 * 3_600_000 },
] as const

/** How good the alarms are, against what one person can handle (ISA-18.2-2016 clause 16). */
export function AlarmFigures({ store }: { readonly store: Store }) {
  const [ms, setMs] = useState<number>(SPANS[2].ms)
  // A minute is as fine as the hub counts; the address stays the same within it.
  const to = Math.ceil(store.now() / 60_000) * 60_000
  const { value, problem } = useAnswer<AlarmFiguresView>(
    `/api/v1/alarms/figures?from=${to - ms}&to=${to}`,
    EVERY_MS,
    store.alarms?.revision,
  )
  return (
    <>
      <div class="travel-fields">
        <label>
          Time
          <select value={String(ms)} onChange={({ currentTarget }) => setMs(Number(currentTarget.value))}>
            {SPANS.map((span) => (
              <option key={span.ms} value={String(span.ms)}>
                {span.text}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Problem text={problem} />
      {value && <Burden figures={value} />}
      {value && <Floods figures={value} now={store.now()} />}
      {value && <TopTen figures={value} />}
    </>
  )
}

function Burden({ figures }: { readonly figures: AlarmFiguresView }) {
  const { perTenMinutes, peakTenMinutes, floodShare, alarms, chattering, stale, standing, shelved, priorities } =
    figures
  return (
    <section class="card alarm-section" aria-labelledby="burden-title">
      <h2 id="burden-title">What comes to the operator</h2>
      <dl class="alarm-figures">
        <Figure
          name="In ten minutes"
          text={numberText(perTenMinutes, perTenMinutes < 1 ? 2 : 1)}
          wanted="about 1"
          isOver={perTenMinutes > 2}
        />
        <Figure
          name="Most in ten minutes"
          text={numberText(peakTenMinutes, 0)}
          wanted="at most 10"
          isOver={peakTenMinutes > 10}
        />
        <Figure
          name="Time in floods"
          text={`${numberText(floodShare * 100, 1)} %`}
          wanted="less than 1 %"
          isOver={floodShare >= 0.01}
        />
        <Figure name="Chattering" text={numberText(chattering, 0)} wanted="none" isOver={chattering > 0} />
        <Figure name="Stale" text={numberText(stale, 0)} wanted="less than 5" isOver={stale >= 5} />
        <Figure name="Alarms in all" text={numberText(alarms, 0)} />
        <Figure name="Standing now" text={numberText(standing, 0)} />
        <Figure name="Shelved now" text={numberText(shelved, 0)} />
      </dl>
      <p class="priority-line">
        Known alarms:{' '}
        {PRIORITIES.map((priority) => (
          <span key={priority} class="count num">
            <PriorityMark priority={priority} full={false} /> {numberText(priorities[priority], 0)} {priority}
          </span>
        ))}
      </p>
    </section>
  )
}

interface FigureProps {
  readonly name: string
  readonly text: string
  readonly wanted?: string
  readonly isOver?: boolean
}

/** A figure beside what is wanted; more than that is a mark and a word, not a colour alone. */
function Figure({ name, text, wanted, isOver = false }: FigureProps) {
  return (
    <div class="alarm-figure" data-over={isOver}>
      <dt>{name}</dt>
      <dd>
        <span class="num alarm-figure-value">{text}</span>
        {wanted !== undefined && (
          <span class={isOver ? 'count' : 'muted'} data-state={isOver ? 'uncertain' : undefined}>
            {isOver && <Mark state="uncertain" />} want {wanted}
          </span>
        )}
      </dd>
    </div>
  )
}

function Floods({ figures, now }: { readonly figures: AlarmFiguresView; readonly now: number }) {
  const { floods } = figures
  if (floods.length === 0) return null
  return (
    <section class="card alarm-section" aria-labelledby="floods-title">
      <h2 id="floods-title">Floods</h2>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col" class="right">
              Alarms
            </th>
          </tr>
        </thead>
        <tbody>
          {floods
            .slice(-20)
            .toReversed()
            .map(({ since, until, alarms }) => (
              <tr key={since}>
                <td class="num">{momentText(since, now)}</td>
                <td class="num">{until === undefined ? 'goes on' : momentText(until, now)}</td>
                <td class="right num">{numberText(alarms, 0)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </section>
  )
}

function TopTen({ figures: { top, alarms } }: { readonly figures: AlarmFiguresView }) {
  return (
    <section class="card alarm-section" aria-labelledby="top-title">
      <h2 id="top-title">The ten that come most often</h2>
      {top.length === 0 && <p class="hint">None came in that time.</p>}
      <ol class="top-ten">
        {top.map(({ asset, alarm, count }) => (
          <li key={`${asset} ${alarm}`}>
            <span class="alarm-name">
              <strong>{alarm}</strong> <a href={placeHref(asset)}>{asset.split('/').slice(2).join(' / ')}</a>
            </span>
            <span class="top-bar" aria-hidden="true">
              <span style={{ width: `${(count / Math.max(1, top[0]!.count)) * 100}%` }} />
            </span>
            <span class="num">{numberText(count, 0)}</span>
            <span class="muted num top-share">{numberText((count / Math.max(1, alarms)) * 100, 0)} %</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
