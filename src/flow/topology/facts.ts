import type { Fact, Intake } from '../../component/topology.ts'
import type { Header, NewRecord, StoredRecord } from '../../log/log.ts'
import { decodeAlarm, encodeAlarm } from '../../model/alarm-record.ts'
import type { Catalogue } from '../../model/catalogue.ts'
import { decodeEvent, encodeEvent } from '../../model/event-record.ts'
import { decodeKeyed, encodeKeyed } from './keyed-record.ts'
import { decodeRecord, encodeRecord } from '../../model/record.ts'
import type { Output } from './engine.ts'
import { textOf } from '../../system/text.ts'

/** Which processor has derived a record, and from what: `acme.berlin.telemetry/3/1234/0`. */
export const PROCESSOR_HEADER = 'processor'
export const CAUSE_HEADER = 'cause'
/** Which of its stages, where it is not the first: two stages may read the same record. */
export const STAGE_HEADER = 'stage'

const JSON_TYPE: Header = ['content-type', 'application/json']

/** Topic of a fact among those of its kind. */
export type FactTopic = Intake['topic']

/**
 * The fact of a record.
 * @throws ModelError where the record is none of its topic's.
 */
export function decodeFact(topic: FactTopic, record: StoredRecord, catalogue: Pick<Catalogue, 'tags'>): Fact {
  switch (topic) {
    case 'events':
      return { kind: 'event', event: decodeEvent(record) }
    case 'alarms':
      return { kind: 'alarm', alarm: decodeAlarm(record.value!) }
    case 'keyed':
      return decodeKeyed(record)
    default:
      return { kind: 'reading', reading: decodeRecord(record.value!, catalogue) }
  }
}

/** Where a derived fact goes: a kind of topic. */
export type OutputTopic = Exclude<FactTopic, 'telemetry'> | 'product'

export function topicOf(fact: Fact): OutputTopic {
  switch (fact.kind) {
    case 'reading':
      return 'derived'
    case 'event':
      return 'events'
    case 'alarm':
      return 'alarms'
    case 'product':
      return 'product'
    default:
      return 'keyed'
  }
}

/** The record of a derived fact. Equal outputs give equal bytes. */
export function encodeOutput({ fact, cause, received }: Output, processor: string, stage: number): NewRecord {
  const origin: readonly Header[] = [
    ['source', processor],
    [PROCESSOR_HEADER, processor],
    [CAUSE_HEADER, cause],
    ...(stage === 0 ? [] : [[STAGE_HEADER, String(stage)] as const]),
  ]
  const timestamp = Math.max(0, Math.floor(received))
  switch (fact.kind) {
    case 'reading':
      return { key: fact.reading.asset, value: encodeRecord(fact.reading), headers: [...origin, JSON_TYPE], timestamp }
    case 'event': {
      const { key, value, headers } = encodeEvent(fact.event)
      return { key, value, headers: [...headers, ...origin], timestamp }
    }
    case 'alarm':
      return { key: fact.alarm.asset, value: encodeAlarm(fact.alarm), headers: [...origin, JSON_TYPE], timestamp }
    case 'product': {
      const headers = [...origin, JSON_TYPE]
      return { key: fact.key, value: JSON.stringify(fact.data), headers, timestamp: Math.floor(fact.receivedTime) }
    }
    default:
      return { key: fact.key, value: encodeKeyed(fact), headers: [...origin, JSON_TYPE], timestamp }
  }
}

/** The text of a header, '' where there is none. */
export function headerText(headers: StoredRecord['headers'], name: string): string {
  const header = headers.find(([one]) => one === name)
  return header === undefined ? '' : textOf(header[1])
}
