/** As much of the playground's interface as we use: it comes without types. */
declare module '@thing-description-playground/core' {
  type Results = { readonly [check: string]: 'passed' | 'failed' | 'warning' | null }
  export function tdValidator(
    td: string,
    log: (line: string) => void,
    options: { readonly checkDefaults: boolean; readonly checkJsonLd: boolean; readonly checkTmConformance: boolean },
  ): Promise<{ readonly report: Results; readonly details: Results }>
}
