import type { AlarmView, TagView } from './contract.ts'
import type { ChangedTag, CompareView, MomentValue, PastTwinView } from './contract-past.ts'

/** What differs between two moments of one asset. */
export function changesBetween(a: PastTwinView, b: PastTwinView): CompareView {
  const before = new Map(a.tags.map((tag) => [tag.tag, tag]))
  const pairs = b.tags.flatMap((tag) => {
    const earlier = before.get(tag.tag)
    return earlier === undefined ? [] : [[earlier, tag] as const]
  })
  const tags = pairs.filter(([one, other]) => isOther(one, other)).map(([one, other]) => changed(one, other))
  return {
    path: a.path,
    a: a.at,
    b: b.at,
    tags,
    same: pairs.length - tags.length,
    alarms: { came: without(b.alarms, a.alarms), went: without(a.alarms, b.alarms) },
    basis: { a: a.basis, b: b.basis },
  }
}

/** Of values as JSON, so that lists and structures are compared by what is in them. */
function isOther(a: TagView, b: TagView): boolean {
  return a.quality !== b.quality || JSON.stringify(a.value) !== JSON.stringify(b.value)
}

function changed(a: TagView, b: TagView): ChangedTag {
  const { tag, type, unit } = b
  return {
    tag,
    type,
    ...(unit !== undefined && { unit }),
    a: momentValue(a),
    b: momentValue(b),
    ...(typeof a.value === 'number' && typeof b.value === 'number' && { change: b.value - a.value }),
  }
}

function momentValue({ value, quality, qualityName, sourceTime, receivedTime }: TagView): MomentValue {
  return { value, quality, qualityName, ...(receivedTime !== 0 && { sourceTime }) }
}

function without(alarms: readonly AlarmView[], others: readonly AlarmView[]): AlarmView[] {
  return alarms.filter(({ asset, alarm }) => !others.some((one) => one.asset === asset && one.alarm === alarm))
}
