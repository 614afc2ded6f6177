/** A plant that takes load by MQTT and HTTP over an embedded log; `more`: further lines of its config. */
export function loadPlant(http: number, mqtt: number, kafka: number, more = ''): string {
  return `site: acme/berlin
log: { embedded: { listen: ${kafka} } }
${more}sources:
  load:
    mqtt: { listen: ${mqtt}, topics: { "load/{path...}": { asset: "{path}" } } }
  posts:
    http: {}
api: { listen: ${http} }
`
}
