/** One principal axis of a covariance. */
export interface Axis {
  readonly variance: number
  readonly weights: number[]
}

const MAX_SWEEPS = 30

/**
 * The principal axes of a symmetric matrix of `size` columns, row by row, largest variance first: cyclic Jacobi
 * (Golub and Van Loan, "Matrix Computations", 8.5). Slow beyond a few hundred columns, exact and free of surprises.
 */
export function principalAxes(symmetric: Float64Array, size: number): Axis[] {
  const matrix = Float64Array.from(symmetric)
  const axes = new Float64Array(size * size)
  for (let i = 0; i < size; i++) axes[i * size + i] = 1
  for (let sweep = 0; sweep < MAX_SWEEPS && offDiagonal(matrix, size) > 1e-18 * size; sweep++)
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(matrix, axes, size, p, q)
  return Array.from({ length: size }, (_, column) => ({
    variance: matrix[column * size + column]!,
    weights: Array.from({ length: size }, (_, row) => axes[row * size + column]!),
  })).sort((a, b) => b.variance - a.variance)
}

function offDiagonal(matrix: Float64Array, size: number): number {
  let sum = 0
  for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) sum += matrix[i * size + j]! ** 2
  return sum
}

/** Turns columns p and q until they no longer correlate. */
function rotate(matrix: Float64Array, axes: Float64Array, size: number, p: number, q: number): void {
  const shared = matrix[p * size + q]!
  if (Math.abs(shared) < 1e-14) return
  const theta = (matrix[q * size + q]! - matrix[p * size + p]!) / (2 * shared)
  const tan = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const cos = 1 / Math.sqrt(tan * tan + 1)
  const sin = tan * cos
  for (let k = 0; k < size; k++) turn(matrix, k * size + p, k * size + q, cos, sin)
  for (let k = 0; k < size; k++) turn(matrix, p * size + k, q * size + k, cos, sin)
  for (let k = 0; k < size; k++) turn(axes, k * size + p, k * size + q, cos, sin)
}

function turn(values: Float64Array, at: number, other: number, cos: number, sin: number): void {
  const a = values[at]!
  const b = values[other]!
  values[at] = cos * a - sin * b
  values[other] = sin * a + cos * b
}
