import assert from 'node:assert/strict'
import { assertShape, type Shape } from './shapes.ts'

/** One entry of a bulk answer. */
export interface Item<T> {
  readonly success: boolean
  readonly elementId?: string
  readonly subscriptionId?: string
  readonly result?: T
  readonly responseDetail?: { readonly title: string; readonly status: number; readonly detail: string }
}

/** A client that looks at every answer: envelope, shape, status, order and number of what was asked for. */
export class I3xClient {
  readonly #base: string
  readonly #headers: { readonly [name: string]: string }

  /** `base`: with the version, as in `http://127.0.0.1:8080/i3x/v1`. */
  constructor(base: string, token?: string) {
    this.#base = base
    this.#headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
  }

  raw(method: string, path: string, body?: unknown, headers = {}): Promise<Response> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    return fetch(`${this.#base}${path}`, { method, headers: { ...this.#headers, ...headers }, ...sent })
  }

  async get<T>(path: string, shape: Shape): Promise<T> {
    return (await this.#good<{ result: T }>(await this.raw('GET', path), 'result', shape)).result
  }

  /** Each entry of a list has the shape. */
  async list<T>(path: string, shape: Shape): Promise<T[]> {
    const found = await this.get<T[]>(path, 'anything')
    for (const one of found) assertShape(shape, one)
    return found
  }

  async post<T>(path: string, body: unknown, shape: Shape): Promise<T> {
    return (await this.#good<{ result: T }>(await this.raw('POST', path, body), 'result', shape)).result
  }

  /** A bulk answer is as long as what was asked for, and in its order; it fails as a whole where one failed. */
  async bulk<T>(path: string, body: object, shape: Shape): Promise<Item<T>[]> {
    const key = 'subscriptionIds' in body ? 'subscriptionId' : 'elementId'
    const ids = (body as { [name: string]: string[] })[`${key}s`]!
    const answer = await this.raw('POST', path, body)
    assert.equal(answer.status, 200)
    const { success, results } = (await answer.json()) as { success: boolean; results: Item<T>[] }
    assert.deepEqual(
      results.map((item) => item[key]),
      ids,
      `${path}: same ids, same order`,
    )
    assert.equal(
      success,
      results.every((item) => item.success),
    )
    for (const item of results) {
      if (item.success) assertShape(shape, item.result)
      else assertShape('problem', item)
    }
    return results
  }

  async #good<T>(answer: Response, field: string, shape: Shape): Promise<T> {
    assert.match(answer.headers.get('content-type')!, /^application\/json/)
    const body = (await answer.json()) as { success: boolean; [field: string]: unknown }
    assert.equal(answer.status, 200, JSON.stringify(body))
    assert.equal(body.success, true)
    assertShape(shape, body[field])
    return body as T
  }
}
