/** The words of `GET /api/v1/oee/{path}`: OEE of a machine, a line or a place (docs/processors/oee.md). */

/** Times are ms since the epoch, lengths ms, ratios 0 to 1; null where nothing can be divided. */
export interface OeeView {
  readonly asset: string
  /** `line`: machines in series, its bottleneck gives the pace. `place`: machines beside each other, added up. */
  readonly level: 'machine' | 'line' | 'place'
  /** Time zone of the shifts. */
  readonly zone: string
  readonly target?: number
  readonly period: OeePeriodView
  readonly kpis: OeeKpisView
  /** Share of planned busy time of which nothing is known. */
  readonly unknownShare: number
  readonly quantities?: OeeQuantitiesView
  /** From calendar time down to the time of good parts; each step is the one before less what was lost. */
  readonly waterfall: readonly OeeStepView[]
  /** Machine whose waterfall it is, where it is one of several. */
  readonly waterfallOf?: string
  /** What a reader has to know before believing it. */
  readonly flags: readonly string[]
  /** Losses of time, greatest first, by kind, state, reason, and machine where there are several. */
  readonly pareto: { readonly [by in 'category' | 'state' | 'reason' | 'asset']?: readonly OeeBarView[] }
  /** Where every ms went, machine by machine. */
  readonly timelines: readonly OeeTimelineView[]
  readonly products: readonly OeeGroupView[]
  readonly orders: readonly OeeGroupView[]
  /** Its machines, in the order of the line, or by name. */
  readonly members: readonly OeeMemberView[]
  /** Machines without ideal cycle or counter: they are not in the figures. */
  readonly without: readonly string[]
}

export interface OeePeriodView {
  readonly kind: 'now' | 'hour' | 'shift' | 'day' | 'span'
  /** Name of the shift; local time at which an hour or a day begins. */
  readonly name: string
  readonly from: number
  /** Its end by the calendar. */
  readonly to: number
  /** The figures are of the time up to here. */
  readonly knownTo: number
}

interface OeeKpisView {
  readonly availability: number | null
  readonly effectiveness: number | null
  readonly qualityRatio: number | null
  readonly oee: number | null
  readonly oeeLow: number | null
  readonly oeeHigh: number | null
}

interface OeeQuantitiesView {
  /** Produced, good, scrap, for rework. */
  readonly PQ: number
  readonly GQ: number
  readonly SQ?: number
  readonly RQ?: number
}

export interface OeeStepView {
  readonly name: string
  readonly ms: number
  readonly lost: { readonly [loss: string]: number }
}

export interface OeeBarView {
  readonly key: string
  /** What people call it. */
  readonly name?: string
  readonly ms: number
  readonly times: number
  readonly share: number
  readonly cumulative: number
}

export interface OeeTimelineView {
  readonly asset: string
  /** Neighbours of one kind were put together, as there are so many. */
  readonly coarse: boolean
  readonly intervals: readonly OeeIntervalView[]
}

export interface OeeIntervalView {
  readonly from: number
  readonly to: number
  readonly category: string
  readonly state: string
  readonly reason?: string
  readonly order?: string
  readonly product?: string
  /** Topic, partition and offset of the first and the last reading that made it. */
  readonly first: string
  readonly last: string
}

export interface OeeGroupView {
  readonly order?: string
  readonly product?: string
  readonly kpis: OeeKpisView
  readonly quantities: OeeQuantitiesView
  /** Planned busy time. */
  readonly ms: number
}

export interface OeeMemberView {
  readonly asset: string
  readonly kpis: OeeKpisView
  readonly unknownShare: number
  readonly quantities: OeeQuantitiesView
  /** Of the line: gives the pace. */
  readonly isPace?: true
}
