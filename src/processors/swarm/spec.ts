import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { under } from '../../model/path.ts'
import { carOperator } from './car.ts'
import { swarmSchema, type SwarmConfig } from './config.ts'
import { cellOperator } from './hazards.ts'

/** What many cars see becomes what all cars know. */
export const swarmSpec: ProcessorSpec<SwarmConfig> = {
  kind: 'swarm',
  summary: 'Confirms hazards that several cars have seen in one cell of the map, and warns the cars around it',
  config: swarmSchema,
  example: `processors:
  hazards:
    swarm:
      on: fleet/*
      confirm: { cars: 3, within: 2m }
      hazards:
        slippery-road: "wheel_slip > 0.25 && speed > 10"
        jam-end: { when: "speed < 20 && braking > 3.5", expires: 2m, passes: 5 }
        pothole: "accelerometer_1_1_value > 3 || accelerometer_1_2_value > 3"
`,
  topology: swarmTopology,
}

function swarmTopology(config: SwarmConfig, { name, site }: ProcessorContext): Topology {
  const { confirm, expires, passes, hazards } = config
  const limits = Object.entries(hazards).map(([kind, hazard]) => {
    const own = { cars: hazard.cars ?? confirm.cars, within: hazard.within ?? confirm.within }
    return [kind, { ...own, expires: hazard.expires ?? expires, passes: hazard.passes ?? passes }] as const
  })
  const shown = JSON.parse(
    JSON.stringify({
      ...config,
      hazards: Object.entries(hazards).map(([kind, hazard]) => ({ ...hazard, kind, when: hazard.when.text })),
    }),
  ) as Json
  const rules = { name, area: under(site, config.area), limits: new Map(limits) }
  return {
    name,
    stages: [
      {
        name: 'cars',
        from: [{ topic: 'telemetry', on: config.on }],
        steps: [{ name: 'car', does: 'swarm-car', with: shown, operator: carOperator(config) }],
      },
      {
        name: 'cells',
        from: [{ topic: 'keyed' }],
        // A warning that comes a second later comes too late.
        order: 'as-they-come',
        steps: [{ name: 'cell', does: 'swarm-cell', with: shown, operator: cellOperator(rules) }],
      },
    ],
  }
}
