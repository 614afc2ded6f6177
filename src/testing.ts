/** `millrace/testing`: what a test of a processor needs; no log, no network, no clock. */
export { TopologyDriver, type DriverOptions, type SendOptions } from './flow/topology/driver.ts'
