import type { JsonValue, TwinView } from '../../src/api/contract.ts'
import { placeHref } from './route.ts'

/** How relations read: from this end, and from the other one. */
const RELATIONS: { readonly [type: string]: readonly [from: string, to: string] } = {
  partOf: ['part of', 'parts'],
  feeds: ['feeds', 'fed by'],
  madeBy: ['made by', 'makes'],
}

/** What holds of an asset and does not change by itself, and whom it has to do with. */
export function AssetAbout({ twin: { relations = [], meta = {} } }: { readonly twin: TwinView }) {
  const facts = Object.entries(meta)
  const groups = Map.groupBy(relations, ({ type, inverse }) => relationText(type, inverse === true))
  if (facts.length === 0 && groups.size === 0) return null
  return (
    <section class="card asset-about" aria-labelledby="asset-about-title">
      <h2 id="asset-about-title">About</h2>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{metaText(value)}</dd>
          </div>
        ))}
        {[...groups].map(([text, ends]) => (
          <div key={text} data-relation={text}>
            <dt>{text}</dt>
            <dd>
              {ends.map(({ target }) => (
                <a key={target} href={placeHref(target)} title={target}>
                  {target.split('/').at(-1)}
                </a>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function relationText(type: string, inverse: boolean): string {
  const known = Object.hasOwn(RELATIONS, type) ? RELATIONS[type]! : undefined
  if (known !== undefined) return known[inverse ? 1 : 0]
  return inverse ? `${type} (the other end)` : type
}

function metaText(value: JsonValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
