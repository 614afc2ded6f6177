/** A fault in what the world handed us, said in terms of the model. `code` is one of the table in `docs/errors.md`. */
export class ModelError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'ModelError'
    this.code = code
  }
}
