import { parseSync } from 'vite'

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export interface Schema {
  readonly [keyword: string]: unknown
}

/** A node of the syntax tree, as ESTree with TypeScript has it. */
interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  // oxlint-disable-next-line typescript/no-explicit-any -- the tree has a hundred kinds of nodes, and each is looked at by name
  readonly [field: string]: any
}

interface Declaration {
  readonly node: Node
  readonly docs: string | undefined
  readonly source: Source
}

interface Source {
  readonly file: string
  readonly text: string
  /** Comments by where the code behind them begins. */
  readonly docsBefore: (start: number) => string | undefined
}

/**
 * JSON Schemas of TypeScript types: the contract of the API is written once, as types with their docstrings, and described
 * from there. What it cannot put into a schema it refuses by name, so nothing is described wrongly.
 */
export class Schemas {
  readonly #declarations = new Map<string, Declaration>()
  /** Those that were referred to. */
  readonly #used = new Map<string, Schema | undefined>()

  constructor(files: readonly { readonly file: string; readonly text: string }[]) {
    for (const { file, text } of files) this.#read(file, text)
  }

  /** The schema of a type as it stands in code: `HubView`, `{ sources: SourceView[] }`. */
  of(expression: string): Schema {
    const source = sourceOf('expression', `type X = ${expression}`)
    return this.#type(source.program.body[0].typeAnnotation, source)
  }

  /** The schemas of every type that was referred to, by name, sorted. */
  components(): { readonly [name: string]: Schema } {
    const described = [...this.#used].filter((entry): entry is [string, Schema] => entry[1] !== undefined)
    return Object.fromEntries(described.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #read(file: string, text: string): void {
    const source = sourceOf(file, text)
    for (const statement of source.program.body as Node[]) {
      const node = (statement.type === 'ExportNamedDeclaration' ? statement['declaration'] : statement) as Node | null
      if (node?.type !== 'TSInterfaceDeclaration' && node?.type !== 'TSTypeAliasDeclaration') continue
      this.#declarations.set(node['id'].name, { node, docs: source.docsBefore(statement.start), source })
    }
  }

  #type(node: Node, source: Source): Schema {
    switch (node.type) {
      case 'TSStringKeyword':
        return { type: 'string' }
      case 'TSNumberKeyword':
        return { type: 'number' }
      case 'TSBooleanKeyword':
        return { type: 'boolean' }
      case 'TSNullKeyword':
        return { type: 'null' }
      case 'TSUnknownKeyword':
        return {}
      case 'TSLiteralType':
        return { const: node['literal'].value }
      case 'TSParenthesizedType':
      case 'TSTypeOperator':
        return this.#type(node['typeAnnotation'], source)
      case 'TSArrayType':
        return { type: 'array', items: this.#type(node['elementType'], source) }
      case 'TSTupleType':
        return this.#tuple(node, source)
      case 'TSUnionType':
        return unionOf((node['types'] as Node[]).map((type) => this.#type(type, source)))
      case 'TSIntersectionType':
      case 'TSTypeLiteral':
        return unionOf(this.#shapes(node, source).map(objectOf))
      case 'TSMappedType':
        return this.#mapped(node, source)
      case 'TSIndexedAccessType':
        return this.#indexed(node, source)
      case 'TSTypeReference':
        return this.#named(node['typeName'].name, node, source)
      default:
        throw this.#fault(node, source)
    }
  }

  #named(name: string, node: Node, source: Source): Schema {
    if (name !== 'Omit' && name !== 'Pick') return this.#reference(name)
    return unionOf(this.#chosen(name, node, source).map(objectOf))
  }

  #tuple(node: Node, source: Source): Schema {
    const elements = (node['elementTypes'] as Node[]).map((element) =>
      element.type === 'TSNamedTupleMember' ? (element['elementType'] as Node) : element,
    )
    const rest = elements.find(({ type }) => type === 'TSRestType')
    const prefixItems = elements.filter((element) => element !== rest).map((element) => this.#type(element, source))
    const items = rest === undefined ? false : this.#restItems(rest, source)
    return { type: 'array', prefixItems, items, minItems: prefixItems.length }
  }

  #restItems(rest: Node, source: Source): unknown {
    const type = rest['typeAnnotation'] as Node
    return this.#type(type.type === 'TSNamedTupleMember' ? type['elementType'] : type, source)['items']
  }

  #mapped(node: Node, source: Source): Schema {
    const value = this.#type(node['typeAnnotation'], source)
    const names = this.#type(node['constraint'], source)
    const known = (this.#resolve(names)['enum'] ?? undefined) as string[] | undefined
    if (known === undefined) return { type: 'object', additionalProperties: value }
    const properties = Object.fromEntries(known.map((name) => [name, value]))
    return { type: 'object', properties, ...(node['optional'] ? {} : { required: known }) }
  }

  #indexed(node: Node, source: Source): Schema {
    const [shape] = this.#shapes(node['objectType'], source)
    const name = node['indexType'].literal.value as string
    const found = shape?.properties.get(name)
    if (found === undefined) throw this.#fault(node, source)
    const { description: _, ...schema } = found.schema
    return schema
  }

  #reference(name: string): Schema {
    if (!this.#used.has(name)) {
      const declaration = this.#declarations.get(name)
      if (declaration === undefined) throw new Error(`Cannot describe type "${name}": it is not in the contract`)
      // Before its own fields are looked at: it may be made of itself.
      this.#used.set(name, undefined)
      const { node, docs, source } = declaration
      const schema =
        node.type === 'TSInterfaceDeclaration'
          ? objectOf(this.#shapes(node, source)[0]!)
          : this.#type(node['typeAnnotation'], source)
      this.#used.set(name, docs === undefined ? schema : { description: docs, ...schema })
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  /** What an object may look like: one shape, or several where it is a union. */
  #shapes(node: Node, source: Source): Shape[] {
    switch (node.type) {
      case 'TSParenthesizedType':
        return this.#shapes(node['typeAnnotation'], source)
      case 'TSTypeReference':
        return this.#shapesOf(node['typeName'].name, node, source)
      case 'TSUnionType':
        return (node['types'] as Node[]).flatMap((type) => this.#shapes(type, source))
      case 'TSIntersectionType':
        return (node['types'] as Node[])
          .map((type) => this.#shapes(type, source))
          .reduce((all, some) => all.flatMap((one) => some.map((other) => merged(one, other))))
      case 'TSTypeLiteral':
        return [this.#shape(node['members'], source)]
      case 'TSInterfaceDeclaration': {
        const bases = (node['extends'] as Node[]).map(
          (base) => this.#shapesOf(base['expression'].name, base, source)[0]!,
        )
        return [[...bases, this.#shape(node['body'].body, source)].reduce(merged)]
      }
      default:
        throw this.#fault(node, source)
    }
  }

  #shapesOf(name: string, node: Node, source: Source): Shape[] {
    if (name === 'Omit' || name === 'Pick') return this.#chosen(name, node, source)
    const declaration = this.#declarations.get(name)
    if (declaration === undefined) throw this.#fault(node, source)
    const { node: declared } = declaration
    return this.#shapes(
      declared.type === 'TSInterfaceDeclaration' ? declared : declared['typeAnnotation'],
      declaration.source,
    )
  }

  /** `Omit<T, 'a' | 'b'>`, `Pick<T, 'a'>`. */
  #chosen(name: 'Omit' | 'Pick', node: Node, source: Source): Shape[] {
    const [of, names] = (node['typeArguments'] ?? node['typeParameters']).params as [Node, Node]
    const { enum: several, const: one } = this.#type(names, source)
    const named = new Set((several as string[] | undefined) ?? [one as string])
    return this.#shapes(of, source).map(({ properties, others }) => ({
      properties: new Map([...properties].filter(([property]) => named.has(property) === (name === 'Pick'))),
      others,
    }))
  }

  #shape(members: readonly Node[], source: Source): Shape {
    const properties = new Map<string, Property>()
    let others: Schema | undefined
    for (const member of members) {
      if (member.type === 'TSIndexSignature') {
        others = this.#type(member['typeAnnotation'].typeAnnotation, source)
        continue
      }
      if (member.type !== 'TSPropertySignature') throw this.#fault(member, source)
      const docs = source.docsBefore(member.start)
      const schema = this.#type(member['typeAnnotation'].typeAnnotation, source)
      const name = (member['key'].name ?? member['key'].value) as string
      properties.set(name, {
        isOptional: member['optional'] === true,
        schema: docs === undefined ? schema : { description: docs, ...schema },
      })
    }
    return { properties, others }
  }

  #resolve(schema: Schema): Schema {
    const ref = schema['$ref'] as string | undefined
    return ref === undefined ? schema : (this.#used.get(ref.split('/').at(-1)!) ?? {})
  }

  #fault(node: Node, { file, text }: Source): Error {
    const shown = text.slice(node.start, Math.min(node.end, node.start + 80))
    return new Error(`Cannot describe "${shown}" in ${file}: no schema is known for ${node.type}, want a plainer type`)
  }
}

interface Property {
  readonly isOptional: boolean
  readonly schema: Schema
}

interface Shape {
  readonly properties: ReadonlyMap<string, Property>
  /** Of fields with any name. */
  readonly others: Schema | undefined
}

function merged(one: Shape, other: Shape): Shape {
  return { properties: new Map([...one.properties, ...other.properties]), others: other.others ?? one.others }
}

function objectOf({ properties, others }: Shape): Schema {
  const required = [...properties].filter(([, { isOptional }]) => !isOptional).map(([name]) => name)
  return {
    type: 'object',
    ...(properties.size > 0 && {
      properties: Object.fromEntries([...properties].map(([name, { schema }]) => [name, schema])),
    }),
    ...(required.length > 0 && { required }),
    ...(others !== undefined && { additionalProperties: others }),
  }
}

/** One of several; of constants, and of plain types with null, in the short form. */
function unionOf(schemas: readonly Schema[]): Schema {
  if (schemas.length === 1) return schemas[0]!
  if (schemas.every((schema) => 'const' in schema)) return { enum: schemas.map((schema) => schema['const']) }
  const isPlain = schemas.every((schema) => Object.keys(schema).join() === 'type')
  return isPlain ? { type: schemas.map((schema) => schema['type']) } : { anyOf: schemas }
}

function sourceOf(file: string, text: string): Source & { readonly program: Node } {
  const { program, comments, errors } = parseSync(`${file}.ts`, text)
  if (errors.length > 0) throw new Error(`Cannot parse ${file}: ${errors[0]!.message}`)
  const blocks = (comments as Node[]).filter(({ type, value }) => type === 'Block' && String(value).startsWith('*'))
  const docsBefore = (start: number) => {
    const block = blocks.findLast(({ end }) => end <= start)
    // What has an empty line behind it is about the file.
    const isBefore = block !== undefined && /^\n?[ \t]*$/.test(text.slice(block.end, start))
    return isBefore ? docsText(String(block['value'])) : undefined
  }
  return { file, text, docsBefore, program }
}

/** What a docstring says, without its stars. */
function docsText(comment: string): string {
  const lines = comment
    .slice(1)
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
  return lines
    .join('\n')
    .trim()
    .replaceAll(/(?<!\n)\n(?!\n)/g, ' ')
}
