/**
 * Identifiers of what the plant's own shells are made of: URNs, made from the path of the asset, so they never change and
 * lead back to it. A path is percent-encoded (RFC 8141, clause 2.2); a colon therefore only parts.
 */
const SHELL = 'urn:millrace:aas:'
const ASSET = 'urn:millrace:asset:'
const SUBMODEL = 'urn:millrace:submodel:'

export function shellId(path: string): string {
  return SHELL + encoded(path)
}

export function assetId(path: string): string {
  return ASSET + encoded(path)
}

/** `name`: `OperationalData`; of several of a kind: `PredictiveMaintenance:cells`. */
export function submodelId(path: string, name: string): string {
  return `${SUBMODEL}${encoded(path)}:${name.split(':').map(encodeURIComponent).join(':')}`
}

/** What a tag means: the same for all assets of a model. */
export function conceptId(owner: string, tag: string): string {
  return `urn:millrace:concept:${encoded(owner)}:${encodeURIComponent(tag)}`
}

/** The path of the asset that a shell's id is of; undefined: it is none of ours. */
export function pathOfShell(id: string): string | undefined {
  return id.startsWith(SHELL) ? decoded(id.slice(SHELL.length)) : undefined
}

/** The path of the asset that an asset's id is of; undefined: it is none of ours. */
export function pathOfAsset(id: string): string | undefined {
  return id.startsWith(ASSET) ? decoded(id.slice(ASSET.length)) : undefined
}

/** The path and the name that a submodel's id is of; undefined: it is none of ours. */
export function placeOfSubmodel(id: string): { readonly path: string; readonly name: string } | undefined {
  if (!id.startsWith(SUBMODEL)) return undefined
  const rest = id.slice(SUBMODEL.length)
  const colon = rest.indexOf(':')
  const path = colon < 0 ? undefined : decoded(rest.slice(0, colon))
  const name = colon < 0 ? undefined : decoded(rest.slice(colon + 1))
  return path === undefined || name === undefined ? undefined : { path, name }
}

function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
