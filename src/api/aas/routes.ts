import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Desk, Route } from '../desk.ts'
import { ApiError } from '../errors.ts'
import { aasx, AASX_TYPE } from './aasx.ts'
import {
  assetInformation,
  attachment,
  element,
  elements,
  repository,
  shell,
  shells,
  submodel,
  submodelReferences,
  submodels,
  thumbnail,
  type Answer,
} from './answers.ts'
import { environmentText } from './environment.ts'
import { aasRefusal } from './problem.ts'
import { modifiersOf, serializationQuery } from './query.ts'

const BASE = '/aas/api/v3.0'
const SHELL = '/shells/:aasIdentifier'
const IN_SHELL = `${SHELL}/submodels/:submodelIdentifier`
const SUBMODEL = '/submodels/:submodelIdentifier'

/** What this door is, by the names of IDTA-01002-3-0: reading, nothing else. */
const PROFILES = [
  'https://admin-shell.io/aas/API/3/0/AssetAdministrationShellRepositoryServiceSpecification/SSP-002',
  'https://admin-shell.io/aas/API/3/0/SubmodelRepositoryServiceSpecification/SSP-002',
]

const description: Answer = async (_desk, { query }) => {
  modifiersOf(query)
  return { profiles: PROFILES }
}

/** Addresses below `BASE` and what answers them; an ending that begins with `$` is the form of the answer. */
const ANSWERS: readonly (readonly [url: string, answer: Answer])[] = [
  ['/description', description],
  ['/shells', shells('normal')],
  ['/shells/$reference', shells('reference')],
  [SHELL, shell('normal')],
  [`${SHELL}/$reference`, shell('reference')],
  [`${SHELL}/asset-information`, assetInformation],
  [`${SHELL}/asset-information/thumbnail`, thumbnail],
  [`${SHELL}/submodel-refs`, submodelReferences],
  ['/submodels', submodels('normal')],
  ['/submodels/$metadata', submodels('metadata')],
  ['/submodels/$value', submodels('value')],
  ['/submodels/$reference', submodels('reference')],
  ['/submodels/$path', submodels('path')],
  ...[SUBMODEL, IN_SHELL].flatMap((at): [string, Answer][] => [
    [at, submodel('normal')],
    [`${at}/$metadata`, submodel('metadata')],
    [`${at}/$value`, submodel('value')],
    [`${at}/$reference`, submodel('reference')],
    [`${at}/$path`, submodel('path')],
    [`${at}/submodel-elements`, elements('normal')],
    [`${at}/submodel-elements/$metadata`, elements('metadata')],
    [`${at}/submodel-elements/$value`, elements('value')],
    [`${at}/submodel-elements/$reference`, elements('reference')],
    [`${at}/submodel-elements/$path`, elements('path')],
    [`${at}/submodel-elements/:idShortPath`, element('normal')],
    [`${at}/submodel-elements/:idShortPath/$metadata`, element('metadata')],
    [`${at}/submodel-elements/:idShortPath/$value`, element('value')],
    [`${at}/submodel-elements/:idShortPath/$reference`, element('reference')],
    [`${at}/submodel-elements/:idShortPath/$path`, element('path')],
    [`${at}/submodel-elements/:idShortPath/attachment`, attachment],
  ]),
]

/** The Asset Administration Shell API, Part 2 version 3.0: the read profiles of the two repositories. */
export const AAS_ROUTES: readonly Route[] = [
  ...ANSWERS.map(([url, answer]): Route => aasRoute(url, json(answer))),
  aasRoute('/serialization', serialization),
]

function aasRoute(url: string, handle: Route['handle']): Route {
  return { method: 'GET', url: BASE + url, need: 'read', refusal: aasRefusal, handle }
}

/** Sends an answer as JSON whatever it is: a value alone may be a number or a text. */
function json(answer: Answer): Route['handle'] {
  return async (desk, request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(await answer(desk, request, reply)))
}

/** Exports that are being made at a time: each may be large. */
const MOST_EXPORTS = 2

/** Those that are being made, by the hub that they are of. */
const running = new WeakMap<object, number>()

/** An environment, as JSON or as a package: what the client would rather have. */
async function serialization(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const query = serializationQuery(request.query)
  const asPackage = wantsPackage(request.headers.accept)
  const before = running.get(desk.hub) ?? 0
  if (before >= MOST_EXPORTS) throw busy()
  running.set(desk.hub, before + 1)
  try {
    const text = await environmentText(repository(desk, reply), query)
    if (!asPackage) return await reply.type('application/json; charset=utf-8').send(text)
    return await reply
      .type(AASX_TYPE)
      .header('content-disposition', 'attachment; filename="plant.aasx"')
      .send(aasx(text))
  } finally {
    running.set(desk.hub, running.get(desk.hub)! - 1)
  }
}

function busy(): ApiError {
  const message = `Cannot make one more export: ${MOST_EXPORTS} are being made, want a retry in a moment`
  return new ApiError(503, 'TOO_BUSY', message, { 'retry-after': '1' })
}

/** @throws ApiError `NOT_ACCEPTABLE` where it takes neither */
function wantsPackage(accept = '*/*'): boolean {
  const types = accept.split(',').map((type) => type.split(';', 1)[0]!.trim().toLowerCase())
  if (types.some((type) => ['application/json', 'application/*', '*/*'].includes(type))) return false
  if (types.some((type) => type === AASX_TYPE || type === 'application/asset-administration-shell-package')) return true
  const message = `Cannot export as ${JSON.stringify(accept.slice(0, 100))}: want application/json or ${AASX_TYPE}`
  throw new ApiError(406, 'NOT_ACCEPTABLE', message)
}
