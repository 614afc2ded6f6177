import type { ChangedTag, CompareView, MomentValue } from '../../src/api/contract-past.ts'
import { useAnswer } from './answer.ts'
import { digitsFor, numberText, unitText, valueText } from './format.ts'
import { Problem } from './log-page.tsx'
import type { Store } from './store.ts'
import { urlPath } from './route.ts'

/** While the past is shown: what is another one now than it was at that moment. */
export function AssetChanges({ store, path }: { readonly store: Store; readonly path: string }) {
  const { travel } = store
  return travel === undefined ? null : <Changes path={path} at={travel.at} />
}

function Changes({ path, at }: { readonly path: string; readonly at: number }) {
  const place = urlPath(path)
  const { value, problem } = useAnswer<CompareView>(`/api/v1/assets/${place}/compare?a=${at}`, 0)
  const { came = [], went = [] } = value?.alarms ?? {}
  return (
    <section class="card asset-changes" aria-labelledby="asset-changes-title">
      <h2 id="asset-changes-title">What has changed since</h2>
      <Problem text={problem} />
      {value && value.tags.length === 0 && <p class="hint">No value is another one now.</p>}
      {value && value.tags.length > 0 && (
        <table>
          <thead>
            <tr>
              <th>Tag</th>
              <th>Then</th>
              <th>Now</th>
              <th>Change</th>
            </tr>
          </thead>
          <tbody>
            {value.tags.map((tag) => (
              <Row key={tag.tag} tag={tag} />
            ))}
          </tbody>
        </table>
      )}
      {value && (
        <p class="hint num">
          {value.same} {value.same === 1 ? 'tag is' : 'tags are'} the same.
          {came.length > 0 && ` Alarms that came: ${came.map(({ alarm }) => alarm).join(', ')}.`}
          {went.length > 0 && ` Alarms that went: ${went.map(({ alarm }) => alarm).join(', ')}.`}
        </p>
      )}
    </section>
  )
}

function Row({ tag: { tag, unit, a, b, change } }: { readonly tag: ChangedTag }) {
  const numbers = [a.value, b.value].filter((value) => typeof value === 'number')
  const digits = digitsFor({}, numbers)
  return (
    <tr data-changed={tag}>
      <th scope="row">{tag}</th>
      <td class="num">{momentText(a, digits)}</td>
      <td class="num">{momentText(b, digits)}</td>
      <td class="num">
        {change !== undefined && `${change > 0 ? '+' : ''}${numberText(change, digits)} ${unitText(unit)}`}
      </td>
    </tr>
  )
}

function momentText({ value, quality, qualityName, sourceTime }: MomentValue, digits: number): string {
  if (sourceTime === undefined) return 'nothing yet'
  return quality === 0 ? valueText(value, digits) : `${valueText(value, digits)} (${qualityName})`
}
