import type { TLSSocket } from 'node:tls'
import type { Credentials, Principal } from './access.ts'
import { connackRefused, connackV3, connackV5 } from './answers.ts'
import { readConnect, readLevel, VersionFault } from './connect.ts'
import type { Connect } from './connect.ts'
import type { Connection } from './connection.ts'
import type { FieldReader } from './field-reader.ts'
import { Property } from './properties.ts'
import { Level, Reason } from './protocol.ts'

/** Return codes of a CONNACK of 3.1.1 (table 3.1). */
const ReturnCode = {
  UnsupportedVersion: 1,
  IdentifierRejected: 2,
  ServerUnavailable: 3,
  BadCredentials: 4,
  NotAuthorized: 5,
}

/** Longest client id taken, in UTF-16 code units. */
const LONGEST_CLIENT_ID = 256

/** Messages in flight to a subscriber that cannot say how many it takes: 3.1.1, and 5 without receive maximum. */
const MOST_IN_FLIGHT = 65_535

/** A CONNECT that is refused: why, for either version. */
class Refusal extends Error {
  readonly code = 'MQTT_REFUSED'
  readonly reason: number
  readonly returnCode: number

  constructor(reason: number, returnCode: number) {
    super(`Cannot accept CONNECT: reason code ${reason}`)
    this.reason = reason
    this.returnCode = returnCode
  }
}

/** The first packet: who comes, may it, and with which session it goes on. @throws ProtocolFault. */
export function shakeHands(connection: Connection, fields: FieldReader): void {
  try {
    // From here on a fault is answered in the client's own version.
    connection.level = readLevel(fields)
    const connect = readConnect(fields, connection.level)
    const principal = admit(connection, connect)
    welcome(connection, connect, principal)
  } catch (error) {
    if (error instanceof VersionFault) refuse(connection, error.level, error.reason, ReturnCode.UnsupportedVersion)
    else if (error instanceof Refusal) refuse(connection, connection.level, error.reason, error.returnCode)
    else throw error
  }
}

function refuse(connection: Connection, level: number, reason: number, returnCode: number): void {
  connection.parts.closed(reason)
  connection.end(level >= Level.V5 ? connackRefused(reason) : connackV3(returnCode))
}

/** @throws Refusal */
function admit(connection: Connection, connect: Connect): Principal {
  const { parts } = connection
  if (connect.properties.has(Property.AuthenticationMethod)) {
    throw new Refusal(Reason.BadAuthenticationMethod, ReturnCode.NotAuthorized)
  }
  if (parts.sessions.attached >= parts.limits.connections) {
    throw new Refusal(Reason.QuotaExceeded, ReturnCode.ServerUnavailable)
  }
  const principal = parts.access.admit(credentials(connection, connect))
  if (principal === undefined) {
    const code = connect.userName === undefined ? ReturnCode.NotAuthorized : ReturnCode.BadCredentials
    throw new Refusal(Reason.BadUserNameOrPassword, code)
  }
  // [MQTT-3.1.3-8] an id of our choosing cannot be come back to by a client of 3.1.1.
  const nameless = connect.clientId === '' && connect.level === Level.V311 && !connect.clean
  if (nameless || connect.clientId.length > LONGEST_CLIENT_ID) {
    throw new Refusal(Reason.ClientIdNotValid, ReturnCode.IdentifierRejected)
  }
  return principal
}

function credentials(connection: Connection, connect: Connect): Credentials {
  const { userName, password } = connect
  return { userName, password, certificateName: certificateName(connection.socket as Partial<TLSSocket>) }
}

function certificateName(socket: Partial<TLSSocket>): string | undefined {
  if (socket.authorized !== true) return undefined
  const name = socket.getPeerCertificate?.().subject?.CN
  return typeof name === 'string' ? name : undefined
}

function welcome(connection: Connection, connect: Connect, principal: Principal): void {
  const { parts } = connection
  const { properties } = connect
  const assigned = connect.clientId === '' ? Buffer.from(parts.random.bytes(8)).toString('hex') : undefined
  connection.clientId = assigned ?? connect.clientId
  connection.principal = principal
  connection.window = Math.min(properties.get(Property.ReceiveMaximum) ?? MOST_IN_FLIGHT, parts.limits.receiveMaximum)
  connection.largestOutgoing = properties.get(Property.MaximumPacketSize) ?? Infinity
  const keepAlive = keepAliveOf(connect, parts.limits.keepAlive)
  connection.keepAliveMs = keepAlive * 1000
  // A session belongs to who opened it: nobody else gets at it, or throws its client out, by knowing its id.
  const key = `${principal.name}\0${connection.clientId}`
  const { session, present } = parts.sessions.open(key, connect.clean, connection)
  connection.session = session
  const wanted = wantedExpiryMs(connect)
  session.expiryMs = Math.min(wanted, parts.limits.sessionExpiry)
  connection.opened()
  if (connect.level === Level.V311) connection.send(connackV3(0, present))
  else {
    connection.send(
      connackV5({
        sessionPresent: present,
        receiveMaximum: parts.limits.receiveMaximum,
        maximumPacketSize: parts.limits.packetBytes,
        topicAliasMaximum: parts.limits.topicAliases,
        ...(session.expiryMs === wanted ? {} : { sessionExpiry: Math.floor(session.expiryMs / 1000) }),
        ...(keepAlive === connect.keepAlive ? {} : { keepAlive }),
        ...(assigned === undefined ? {} : { clientId: assigned }),
      }),
    )
  }
  session.started?.resume(connection, parts.clock.monotonic())
}

/** Seconds. A client of 5 is told what we keep to; one of 3.1.1 cannot be told, and TCP finds out when it is gone. */
function keepAliveOf(connect: Connect, longestMs: number): number {
  const longest = Math.min(65_535, Math.max(1, Math.floor(longestMs / 1000)))
  if (connect.level === Level.V311) return connect.keepAlive
  return connect.keepAlive === 0 ? longest : Math.min(connect.keepAlive, longest)
}

/** 3.1.1: a session that is not clean has no end of its own (3.1.2.4). 5: seconds, 2^32-1 is for ever (3.1.2.11.2). */
function wantedExpiryMs(connect: Connect): number {
  if (connect.level === Level.V311) return connect.clean ? 0 : Infinity
  const seconds = connect.properties.get(Property.SessionExpiry) ?? 0
  return seconds === 0xffffffff ? Infinity : seconds * 1000
}
