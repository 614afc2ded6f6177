import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { under } from '../../model/path.ts'
import { shareSchema, type ShareConfig } from './config.ts'
import { contractOf } from './contract.ts'
import { groupsOperator } from './groups.ts'
import { Pseudonyms } from './pseudonym.ts'
import { rowsOperator } from './rows.ts'

/** A data product for partners: chosen fields, pseudonyms, coarse places and times, only where there are many. */
export const shareSpec: ProcessorSpec<ShareConfig> = {
  kind: 'share',
  summary: 'Shares chosen fields with partners, under pseudonyms, coarse in place and time, in a topic of its own',
  config: shareSchema,
  example: `processors:
  tyre-wear:
    share:
      on: fleet/*
      when: "speed > 0"
      purpose: Wear of tyres by region, for their maker
      partners: [tyre-maker]
      secret: secret:share-tyres
      rotate: 7d
      fields:
        - { tag: speed, round: 5, unit: km/h }
        - { tag: tire_pressure_1_1, as: pressure, round: 0.1, unit: bar }
      place: { lat: lat, lon: lon, cell: 5 }
      time: 1m
      anonymity: { subjects: 5, window: 10m }
`,
  topology: shareTopology,
  contract: contractOf,
  readers: ({ partners }) => partners,
}

function shareTopology(config: ShareConfig, { name, site }: ProcessorContext): Topology {
  const { on, of, rotate, keep } = config
  const shown = JSON.parse(JSON.stringify({ ...config, when: config.when?.text })) as Json
  const pseudonyms = new Pseudonyms(config.secret.reveal(), `${site} ${name}`, rotate)
  return {
    name,
    product: { keepMs: keep },
    stages: [
      {
        name: 'rows',
        from: [{ topic: 'telemetry', on }, ...(of ? [{ topic: 'derived' as const, on, of }] : [])],
        steps: [{ name: 'rows', does: 'share-rows', with: shown, operator: rowsOperator(config, pseudonyms) }],
      },
      {
        name: 'groups',
        from: [{ topic: 'keyed' }],
        steps: [
          {
            name: 'groups',
            does: 'share-groups',
            with: shown,
            operator: groupsOperator(config, under(site, `products/${name}`)),
          },
        ],
      },
    ],
  }
}
