import { zip } from './zip.ts'

/** Media type of a package (IDTA-01005-3-0, clause 4). */
export const AASX_TYPE = 'application/asset-administration-shell-package+xml'

const ORIGIN = '/aasx/aasx-origin'
const SPEC = '/aasx/environment.json'

/** An environment as a package: an Open Packaging container (ISO/IEC 29500-2) whose one part is the JSON. */
export function aasx(environment: string): Buffer {
  const file = (name: string, text: string) => ({ name, bytes: Buffer.from(text) })
  return zip([
    file('[Content_Types].xml', CONTENT_TYPES),
    file('_rels/.rels', relationships('http://admin-shell.io/aasx/relationships/aasx-origin', ORIGIN)),
    file(ORIGIN.slice(1), 'Intentionally empty.'),
    file('aasx/_rels/aasx-origin.rels', relationships('http://admin-shell.io/aasx/relationships/aas-spec', SPEC)),
    file(SPEC.slice(1), environment),
  ])
}

const HEAD = '<?xml version="1.0" encoding="utf-8"?>'

const CONTENT_TYPES =
  `${HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
  '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
  '<Default Extension="json" ContentType="application/json"/>' +
  `<Override PartName="${ORIGIN}" ContentType="text/plain"/></Types>`

function relationships(type: string, target: string): string {
  const namespace = 'http://schemas.openxmlformats.org/package/2006/relationships'
  return `${HEAD}<Relationships xmlns="${namespace}"><Relationship Type="${type}" Target="${target}" Id="R1"/></Relationships>`
}
