/** Ports of the demo; 0 lets the system choose, but for OPC UA, whose address the hub must know before it is there. */
export interface DemoPorts {
  readonly http: number
  readonly mqtt: number
  readonly kafka: number
  readonly opcua: number
}

/** Where the demo plant stands. */
export const DEMO_SITE = 'acme/berlin'

/** The config of the demo plant: the same language as every plant's, so `millrace demo --print` is a good read. */
export function demoPlant({ cars, ...ports }: DemoPorts & { readonly cars: number }): string {
  return `site: ${DEMO_SITE}
log: { embedded: { listen: ${ports.kafka}, partitions: 1 } }

${MODELS}
assets:
  press-shop/line1/press{1..7}: { model: press@1, relations: { feeds: "press-shop/line1/press{2..8}" } }
  press-shop/line1/press8: { model: press@1 }
${fleetOf(cars)}
sources:
  line1:
    opcua:
      endpoint: opc.tcp://127.0.0.1:${ports.opcua}
      nodes:
        - { browse: "ns=urn:millrace:simulator;PressShop/Line1/Press{n}", asset: "press-shop/line1/press{n}" }
  cars:
    mqtt:
      listen: ${ports.mqtt}
      topics:
        "vehicles/sensor/data/{car}": { asset: "fleet/{car}" }
        "{path...}": { asset: "{path}" }
      commands:
        "vehicles/{car}/commands/{command}": { asset: "fleet/{car}", reply: "vehicles/{car}/replies" }
  test-station:
    http: {}

processors:
  oee-line1:
    oee:
      on: press-shop/line1/*
      target: 0.8
      idealCycle: 4.2s
      microStop: 30s
      tags: { state: state, total: cycles, scrap: scrap }
${SUPPLY_AND_ROADS}${CONDITIONS}
sinks:
  warnings: { mqtt: { topics: [events], types: [hazard.warning], through: cars, topic: "vehicles/{leaf}/hazards" } }

api: { listen: ${ports.http} }
`
}

/** What the machines have, and what may be written. */
const MODELS = `models:
  press@1:
    tags:
      state:        { kind: state, states: packml, description: "State of the machine (PackML)" }
      temperature:  { unit: Cel, range: [0, 120], description: "Temperature of the hydraulic oil" }
      vibration:    { unit: mm/s, range: [0, 18], description: "Velocity of the main bearing, RMS" }
      pressure:     { unit: bar, range: [0, 320], description: "Pressure of the ram" }
      cycles:       { kind: counter, type: int64, description: "Strokes since commissioning" }
      scrap:        { kind: counter, type: int64, description: "Parts that failed the check" }
      energy:       { kind: counter, unit: kWh, description: "Energy since commissioning" }
      setpoint:     { unit: Cel, range: [20, 80], description: "Wanted temperature of the oil" }
    meta: { manufacturer: Millrace Presses, productName: HP-2500, force: 2500 kN }
    behaviour:
      step: 10s
      horizon: 8h
      tags:
        temperature: "temperature + ((state == 'Execute' ? setpoint : 22.0) - temperature) * dt / 90.0"
        vibration: "state == 'Execute' ? min(10.0, max(2.9, vibration) + (1.0 + max(0.0, temperature - 65.0) / 10.0) * 0.00018 * max(0.25, vibration - 2.7) * dt) : vibration"
        cycles: "cycles + (state == 'Execute' ? dt / 4.2 : 0.0)"
        energy: "energy + (state == 'Execute' ? 16.3 : 2.5) * dt / 3600.0"
      reaches: { worn: "vibration >= 7.0", hot: "temperature > 75.0" }
      totals: { energy: energy, strokes: cycles }
    commands:
      setpoint: { tag: setpoint, range: [20, 80], interlock: "state != 'Execute'", ttl: 10s }
      hold:     { method: Hold, interlock: "state == 'Execute'", description: "Stops after this stroke, until unhold" }
      unhold:   { method: Unhold, interlock: "state == 'Held'", description: "Goes on after a hold" }
      clear:    { method: Clear, interlock: "state == 'Aborted' && temperature <= 60.0", description: "Is repaired" }
  electric-vehicle@1:
    tags:
      coolant_temp:               { unit: Cel }
      intake_air_temp:            { unit: Cel }
      intake_air_flow_speed:      { unit: m/s }
      battery_percentage:         { unit: "%" }
      battery_voltage:            { unit: V }
      current_draw:               { unit: A }
      speed:                      { unit: m/s, range: [0, 70] }
      engine_vibration_amplitude: {}
      throttle_pos:               { range: [0, 1] }
      lat:                        { unit: deg, range: [-90, 90] }
      lon:                        { unit: deg, range: [-180, 180] }
      wheel_slip:                 { range: [0, 1] }
      speed_limit:                { unit: m/s, range: [5, 70], description: "Set from afar" }
    commands:
      limit-speed: { tag: speed_limit, perMinute: 6, description: "Drives no faster than this, m/s" }
`

/** The cars of the simulation; whoever else sends becomes an asset without a model. */
function fleetOf(cars: number): string {
  if (cars === 0) return ''
  const last = String(cars - 1).padStart(5, '0')
  return `  fleet/electric-vehicle-{00000..${last}}: { model: electric-vehicle@1 }\n`
}

/** Stock of the presses and a line, doors in the sequence of the cars, and what cars tell one another. */
const SUPPLY_AND_ROADS = `  stock:
    stock:
      counters:
        - on: press-shop/line1/*
          tag: cycles
          consumes: { blank-4711: { place: press-shop/rack } }
          produces: { door-left: { place: press-shop/out } }
      cover: { window: 4m, below: 8m }
      difference: { above: 60, for: 1m }
      reorder:
        - { material: blank-4711, place: press-shop/rack, below: 1200, quantity: 400, from: warehouse, within: 10m }
        - { material: bolt-m6, place: assembly/line2/rack, below: 200, quantity: 250, from: warehouse, within: 5m }
  doors:
    sequence:
      line: assembly/line2
      takt: 20s
      high: 5m
      critical: 1m
      checkpoints:
        - { name: dispatch, at: supply/doors, ahead: 12 }
        - { name: buffer, at: assembly/line2/door-buffer, ahead: 5 }
        - { name: fit, at: assembly/line2/station14, ahead: 0 }
  hazards:
    swarm:
      on: fleet/*
      confirm: { cars: 3, within: 2m }
      hazards: { slippery-road: "wheel_slip > 0.25" }
`

/** What is wrong with a press: its bearing, and that it stands still. */
const CONDITIONS = `  bearing:
    condition:
      on: press-shop/line1/*
      limits: { value: vibration, hi: 5, hihi: { at: 7, severity: high }, deadband: 1 }
      for: 1s
      clearAfter: 5s
  standstill:
    condition:
      on: press-shop/line1/*
      when: 'state in ["Held", "Suspended", "Aborted"] for 5s'
      severity: low
      message: "{asset} stands still: {state}"
`
