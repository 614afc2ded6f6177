/** A number that only grows. */
export interface Counter {
  add(amount?: number): void
  readonly value: number
}

/** A number that goes up and down, read when somebody asks. */
export type GaugeReader = () => number

export type Labels = { readonly [name: string]: string }

interface Series {
  readonly labels: Labels
  read(): number
}

interface Family {
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly series: Map<string, Series & { counter?: Counter }>
}

/** The program's own figures, in the Prometheus text format (version 0.0.4) at `GET /metrics`. */
export class Metrics {
  readonly #families = new Map<string, Family>()

  /** The counter of this name and labels; made on first use. Names end in `_total`. */
  counter(name: string, help: string, labels: Labels = {}): Counter {
    const series = this.#family(name, help, 'counter').series
    const key = render(labels)
    const known = series.get(key)?.counter
    if (known) return known
    const counter = new PlainCounter()
    series.set(key, { labels, read: () => counter.value, counter })
    return counter
  }

  gauge(name: string, help: string, read: GaugeReader, labels: Labels = {}): void {
    this.#family(name, help, 'gauge').series.set(render(labels), { labels, read })
  }

  /** All figures as Prometheus text. */
  expose(): string {
    const lines: string[] = []
    for (const [name, family] of this.#families) {
      lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`)
      for (const [labels, series] of family.series) lines.push(`${name}${labels} ${series.read()}`)
    }
    return `${lines.join('\n')}\n`
  }

  #family(name: string, help: string, type: Family['type']): Family {
    let family = this.#families.get(name)
    if (!family) {
      family = { help, type, series: new Map() }
      this.#families.set(name, family)
    }
    return family
  }
}

class PlainCounter implements Counter {
  value = 0

  add(amount = 1): void {
    this.value += amount
  }
}

function render(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
