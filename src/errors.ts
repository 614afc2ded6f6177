// A table, which grows with what can go wrong; a test reads it whole.
/* eslint-disable max-lines */
/** What an error code means: for `docs/errors.md`, and for whoever answers one. */
export interface ErrorEntry {
  readonly what: string
  readonly todo: string
  /** Whether the same thing may succeed when it is tried again unchanged. */
  readonly retriable: boolean
}

/**
 * Every code that Millrace answers, logs or writes to quarantine. A test holds this table against the code and the page
 * that is made from it, both ways.
 */
export const ERRORS: { readonly [code: string]: ErrorEntry } = {
  AAS_NOT_FOUND: {
    what: 'There is no shell, submodel or element of this id or path',
    todo: 'Correct the id (base64url of UTF-8) or the idShort path; the listings have those that are there',
    retriable: false,
  },
  ALARM_NOT_FOUND: {
    what: 'No alarm of this name was ever raised at this asset',
    todo: 'Correct asset or name; `GET /api/v1/alarms` lists those that stand',
    retriable: false,
  },
  ALARM_REFUSED: {
    what: 'The state of the alarm does not allow what was asked for',
    todo: 'Look at its state: the message names what is there and what is wanted; somebody may have been faster',
    retriable: false,
  },
  APPEND_OVERRUN: {
    what: 'More was handed to the log than it holds at a time',
    todo: 'Wait for the log to be ready before handing over more; a report is welcome, the hub does this by itself',
    retriable: true,
  },
  ASSET_NOT_FOUND: {
    what: 'No asset has this path',
    todo: 'Correct the path; `GET /api/v1/assets` lists those that are there',
    retriable: false,
  },
  BAD_BODY: {
    what: 'The body of the request is not what the route takes',
    todo: 'Send the JSON that docs/api.md shows',
    retriable: false,
  },
  BAD_ALARM: {
    what: 'A record of the topic `alarms` is no step of an alarm',
    todo: 'Find the foreign producer; the record is passed over and counted',
    retriable: false,
  },
  BAD_COMMAND: {
    what: 'A record of the topic `commands` is no step of a command',
    todo: 'Find the foreign producer: only hubs may write there; the record is passed over and counted',
    retriable: false,
  },
  BAD_CONFIG: {
    what: 'The config has faults',
    todo: 'Correct what each line names; `millrace lint` checks without starting',
    retriable: false,
  },
  BAD_CONTENT_TYPE: {
    what: 'The body is neither JSON nor NDJSON by its content type',
    todo: 'Send `content-type: application/json` or `application/x-ndjson`',
    retriable: false,
  },
  BAD_EVENT: { what: 'An event is malformed', todo: 'Correct it as docs/events.md shows', retriable: false },
  BAD_EXPRESSION: {
    what: 'An expression cannot be read, or cannot take the values it is given',
    todo: 'Correct it at the column that the message names; docs/processors/condition.md has the language',
    retriable: false,
  },
  BAD_IDEMPOTENCY_KEY: {
    what: 'The idempotency key is too long, or was used for another body',
    todo: 'Use a new key for each new request',
    retriable: false,
  },
  BAD_PATH: {
    what: 'A path of an asset is empty, too long, has too few or too many levels, or one of `+ # /` or a control character in a name',
    todo: 'Correct the name, or the topic pattern it comes from',
    retriable: false,
  },
  BAD_PATTERN: { what: 'A topic pattern or its rule is malformed', todo: 'Correct the config', retriable: false },
  BAD_PAYLOAD: {
    what: 'A message is not JSON, not UTF-8, empty, or has no tags',
    todo: 'Correct the sender, or map the topic raw',
    retriable: false,
  },
  BAD_QUERY: {
    what: 'A parameter of the address is not what the route takes',
    todo: 'Correct the parameter the message names',
    retriable: false,
  },
  BAD_RECORD: {
    what: 'A record of the log was not written by a hub',
    todo: 'Find the foreign producer; the record is passed over and counted',
    retriable: false,
  },
  BAD_REQUEST: { what: 'The request is not HTTP as we take it', todo: 'Correct the client', retriable: false },
  BAD_SQL: {
    what: 'A question in SQL is not one SELECT over what there is, or asks for what is closed to it: files, network, settings',
    todo: 'Correct it as the message says; the tables are in docs/sql.md',
    retriable: false,
  },
  BAD_TAG: {
    what: 'The name of a tag is empty, too long or has control characters',
    todo: 'Rename the tag at the machine, or ignore it in the rule',
    retriable: false,
  },
  BAD_TEMPLATE: {
    what: 'A template of names has a stray brace, counts down, or stands for more than 100,000 names',
    todo: 'Correct the range',
    retriable: false,
  },
  BAD_TIMESTAMP: {
    what: 'A source time cannot be read',
    todo: 'Send a number (s, ms, us or ns) or ISO 8601',
    retriable: false,
  },
  BAD_TIME: { what: 'A time of a reading is not a number', todo: "Correct the source's time field", retriable: false },
  BAD_VALUE: {
    what: 'A value cannot be kept: null in an array, or text that is not well-formed',
    todo: 'Correct the sender',
    retriable: false,
  },
  BATCH_TOO_LARGE: {
    what: 'A compressed batch unfolds beyond the limit',
    todo: 'Find the producer: it is broken or hostile',
    retriable: false,
  },
  BODY_TOO_LARGE: { what: 'The body is over the limit', todo: 'Split it', retriable: false },
  CARDINALITY: {
    what: 'There are more assets or tags than the catalogue may grow to',
    todo: 'Correct the topic pattern: a name that changes with every message is in it',
    retriable: false,
  },
  COMMAND_NOT_FOUND: {
    what: 'No command of this id is at hand',
    todo: 'Correct the id; old ones are in the topic `commands`',
    retriable: false,
  },
  COMMAND_REFUSED: {
    what: 'A command is not allowed, or not now; `reasons` has every reason',
    todo: 'Read the reasons; docs/commands.md has what each one means',
    retriable: false,
  },
  CORRUPT_BATCH: {
    what: 'A batch of the log fails its checksum or its format',
    todo: 'Its place is in the message; the rest of the log is served',
    retriable: false,
  },
  CSV_BAD_HEADER: {
    what: 'The heading of a table is missing or has no names',
    todo: 'Correct the file',
    retriable: false,
  },
  CSV_BAD_ROW: {
    what: 'A row of a table has another number of fields than the heading',
    todo: 'Correct the line the message names',
    retriable: false,
  },
  CSV_BAD_TIME: {
    what: 'A time of a table cannot be read',
    todo: 'Correct the line, or name another time column',
    retriable: false,
  },
  CSV_UNREADABLE: {
    what: 'A table cannot be read',
    todo: 'Correct the path, the rights or the file',
    retriable: false,
  },
  ELEMENT_NOT_FOUND: {
    what: 'The i3X door has no element, or no type, of this id',
    todo: 'Correct the id; `GET /i3x/v1/objects` lists those that are there',
    retriable: false,
  },
  FORBIDDEN: {
    what: 'The caller may not do this',
    todo: 'Use a token that has the right the message names',
    retriable: false,
  },
  FORECAST_REFUSED: {
    what: 'A forecast cannot begin, or not go on: a value that it needs is stale, Bad or missing, or an equation has no value',
    todo: 'Wait for fresh values, or set those that the message names; correct `behaviour` of the model',
    retriable: false,
  },
  GROUP_FENCED: {
    what: 'What this member of a group held was given to another one',
    todo: 'Nothing: whoever holds it now does the work again from the last commit; two hubs of one name is a fault',
    retriable: false,
  },
  GROUP_REFUSED: {
    what: 'The log will not have this member in its group',
    todo: 'Read the reason: rights of the client, another protocol in the group, limits of the broker',
    retriable: false,
  },
  HEADERS_TOO_LARGE: {
    what: 'The headers of the request are over the limit',
    todo: 'Send fewer or shorter headers',
    retriable: false,
  },
  HISTORY_MISSED: {
    what: 'Retention of the log removed records before history had them: it was off, or could not store, for longer than the log keeps',
    todo: 'Keep the log for longer than the longest outage (`log.embedded.retention`, `log.kafka.retention`)',
    retriable: false,
  },
  HISTORY_OFF: {
    what: 'The hub keeps no history',
    todo: 'Take `historian: off` out of the config',
    retriable: false,
  },
  HISTORY_TOO_LARGE: {
    what: 'The answer from history does not fit into the memory that it may use',
    todo: 'Ask for a shorter range or fewer tags, or give `historian.memory` more',
    retriable: false,
  },
  HISTORY_TOO_SLOW: {
    what: 'A question to history took longer than one may',
    todo: 'Ask for a shorter time or fewer tags',
    retriable: true,
  },
  HISTORY_UNAVAILABLE: {
    what: 'History cannot be read or kept right now: it is being opened, or its store failed',
    todo: 'Look at `historian` of `GET /api/v1/status` and in the log of the hub; it goes on by itself',
    retriable: true,
  },
  HOST_NOT_ALLOWED: {
    what: 'The request names a host that this hub does not answer for',
    todo: 'Call it by a loopback name, or add the name to `api.hosts`',
    retriable: false,
  },
  HUB_NOT_UNDERSTOOD: {
    what: 'The client (`millrace/client`) was answered by something that is no hub',
    todo: 'Correct the address',
    retriable: false,
  },
  HUB_TOO_SLOW: {
    what: 'The client (`millrace/client`) got no answer in the time that it waits',
    todo: 'Try again, ask for less, or give it more time (`timeoutMs`)',
    retriable: true,
  },
  HUB_UNREACHABLE: {
    what: 'A command beside the hub, or a client (`millrace/client`), cannot reach it',
    todo: 'Start the hub, or name its page: `--page`; look whether address and certificate are right',
    retriable: true,
  },
  INTERNAL: { what: 'The hub met a fault of its own', todo: 'Look in its log, and report it', retriable: true },
  KAFKA_MALFORMED_REQUEST: {
    what: 'A client of the log sent bytes that are not a Kafka request; its connection was closed',
    todo: 'Point the client at the right port, or correct it',
    retriable: false,
  },
  LAKE_DAMAGED: {
    what: 'A file of the lake is damaged or missing',
    todo: 'Nothing at once: it was set aside in `lake/damaged` and is made again from the log, as far as the log still has it; look after the disk',
    retriable: false,
  },
  LOG_ADDRESS_IN_USE: {
    what: "Another program listens on the log's address",
    todo: 'Stop it, or choose another port',
    retriable: true,
  },
  LOG_ADDRESS_REFUSED: {
    what: 'The log may not listen on its address',
    todo: 'Use an address of this machine and a port above 1023',
    retriable: false,
  },
  LOG_BROKER_DIED: {
    what: 'The thread of the embedded log ended',
    todo: 'Start the hub again: what was acknowledged is recovered; report the message',
    retriable: true,
  },
  LOG_CLOSED: { what: 'The log was closed', todo: 'Open it again', retriable: false },
  LOG_DIRECTORY_LOCKED: {
    what: 'Another hub has the data directory open',
    todo: 'Stop it; the message names its process',
    retriable: false,
  },
  LOG_FULL: {
    what: "The log's disk is full or failing",
    todo: 'Free space or check the disk; it resumes by itself',
    retriable: true,
  },
  LOG_NOT_AUTHENTICATED: {
    what: "The log's broker does not take our credentials, or could not prove that it knows them itself",
    todo: 'Correct user, password or token; a hub that runs goes on by itself once they are right',
    retriable: false,
  },
  LOG_REFUSED: {
    what: 'The log refused with a Kafka error code',
    todo: 'Look the code up in the message',
    retriable: false,
  },
  LOG_START_FAILED: {
    what: 'The embedded log cannot be opened',
    todo: 'Read the reason; mostly rights of the data directory',
    retriable: false,
  },
  LOG_TLS_FAILED: {
    what: "The TLS connection to the log's broker cannot be trusted, or the broker does not trust us",
    todo: 'Correct the certificate, its authority or the name that the message names; a hub that runs goes on by itself then',
    retriable: false,
  },
  LOG_REPLICATION: {
    what: 'A topic is to have more copies than there are brokers',
    todo: 'Lower `log.kafka.replication`, or wait until all brokers are there',
    retriable: false,
  },
  LOG_UNAVAILABLE: {
    what: 'The log did not answer in time',
    todo: 'Check that it runs; what was not confirmed counts as not stored',
    retriable: true,
  },
  LOG_VERSION: {
    what: 'The broker does not speak a request of ours in the version that we send: it is too old or too new',
    todo: 'Use Apache Kafka 2.4 to 4.x, or a service that is compatible with it',
    retriable: false,
  },
  METHOD_NOT_ALLOWED: {
    what: 'The route does not take this method',
    todo: 'Use one that the `allow` header names',
    retriable: false,
  },
  MQTT_PROTOCOL: {
    what: 'A device broke the MQTT protocol; its connection was closed',
    todo: 'Correct the device; the reason is in the message',
    retriable: false,
  },
  MQTT_REFUSED: {
    what: 'A broker refused the connection or a subscription',
    todo: 'Correct user, password or rights at the broker',
    retriable: false,
  },
  NOT_ACCEPTABLE: {
    what: 'The client takes no type that the route can answer with',
    todo: 'Correct the `accept` header; the message names the types',
    retriable: false,
  },
  NOT_FOUND: {
    what: 'There is nothing at this address',
    todo: 'Correct the address; docs/api.md lists the routes',
    retriable: false,
  },
  NOT_IMPLEMENTED: {
    what: 'A standard allows to leave this out, and it is left out',
    todo: 'Ask the server what it offers first, as the standard has it: `GET /i3x/v1/info`',
    retriable: false,
  },
  NOT_STORED: {
    what: 'The request could not be made durable; nothing of it counts',
    todo: 'Send it again after the time that `retry-after` names',
    retriable: true,
  },
  NO_BEHAVIOUR: {
    what: 'Nothing can be forecast of an asset: its model has no behaviour',
    todo: 'Give its model a `behaviour` (docs/forecast.md)',
    retriable: false,
  },
  NO_CREDENTIALS: {
    what: 'The log asks who is there, and the data directory holds no credentials',
    todo: 'Name the config of the plant: `--config plant.yaml`',
    retriable: false,
  },
  NO_PRESENT_VALUE: {
    what: 'The newest value is stale or Bad, and the answer has no place for saying so',
    todo: "Look at the asset's source; `GET /api/v1/assets/{path}` tells the value with its quality and time",
    retriable: true,
  },
  NO_DATA: {
    what: 'A directory has no data of a plant',
    todo: 'Name the directory that `millrace run --data` uses',
    retriable: false,
  },
  NO_MAPPING: {
    what: 'No pattern of the config matches the topic',
    todo: 'Add a pattern, for example `"{path...}"`',
    retriable: false,
  },
  OFFSET_BEYOND_END: {
    what: 'A position lies beyond the end of the log',
    todo: 'The view is not of this log: delete it, it is rebuilt',
    retriable: false,
  },
  OPCUA_LOST: {
    what: 'The connection or subscription to an OPC UA server was lost',
    todo: 'Nothing: it is opened again for ever',
    retriable: true,
  },
  OPCUA_NOT_STORED: {
    what: 'What an OPC UA server sent could not be made durable; the subscription is opened anew',
    todo: "Look at the log's health",
    retriable: true,
  },
  OPCUA_REFUSED: {
    what: 'An OPC UA server refused the session',
    todo: 'Correct user, password or certificate',
    retriable: false,
  },
  OPCUA_UNREACHABLE: {
    what: 'An OPC UA server cannot be reached',
    todo: 'Check address, network and server; it is tried for ever',
    retriable: true,
  },
  OPCUA_UNSAFE_PASSWORD: {
    what: 'The password would travel in clear text',
    todo: 'Use `security: { mode: signAndEncrypt }`',
    retriable: false,
  },
  OPCUA_UNTRUSTED: {
    what: 'The certificate of an OPC UA server is not trusted',
    todo: 'Compare the fingerprint, then add the certificate to `trust`',
    retriable: false,
  },
  OPEN_BEYOND_LOOPBACK: {
    what: 'The API would be open to everybody beyond this machine',
    todo: 'Configure `api.tokens`, or listen on loopback',
    retriable: false,
  },
  ORIGIN_NOT_ALLOWED: {
    what: 'A page of another origin tried to call the hub',
    todo: "Open the hub's own page, or add its name to `api.hosts`",
    retriable: false,
  },
  PAGE_NOT_BUILT: { what: 'The page was not built', todo: 'Run `npm run prepare`', retriable: false },
  PATH_NOT_TAKEN: {
    what: 'No HTTP source takes this path',
    todo: 'Correct the path, or `assets` of the source',
    retriable: false,
  },
  PAYLOAD_TOO_DEEP: { what: 'A value is nested too deep', todo: 'Flatten it', retriable: false },
  RECORD_TOO_LARGE: { what: 'A record is over 1 MiB', todo: 'Split the message', retriable: false },
  REPLAY_IMPOSSIBLE: {
    what: 'A table cannot be replayed in this way',
    todo: 'Read the reason in the message',
    retriable: false,
  },
  REPLICATION_FENCED: {
    what: 'Another hub has taken over a replication of this name',
    todo: 'Nothing, where a hub was replaced; else give the two replications different names',
    retriable: false,
  },
  REQUEST_TIMEOUT: {
    what: 'The request did not arrive whole in time',
    todo: 'Send it faster, or in smaller parts',
    retriable: true,
  },
  SASL_FAILED: {
    what: 'A login to the log was refused; the reason is in the message',
    todo: 'Correct the user, the password or the token',
    retriable: false,
  },
  SNAPSHOT_DAMAGED: {
    what: 'The snapshot of a view is damaged',
    todo: 'Nothing: it was set aside and is rebuilt from the log',
    retriable: false,
  },
  SOURCE_NOT_FOUND: {
    what: 'No source has this name',
    todo: '`GET /api/v1/sources` lists those that are there',
    retriable: false,
  },
  TAG_NOT_FOUND: {
    what: 'The asset has no tag of this name',
    todo: 'Correct the name; `GET /api/v1/assets/{path}` lists the tags',
    retriable: false,
  },
  SQL_FAILED: {
    what: 'The process that answers in SQL did not start, or ended',
    todo: 'Ask again; if it happens again, look whether the machine has memory for one more process of 640 MB',
    retriable: true,
  },
  SQL_TIMEOUT: {
    what: 'A question in SQL took longer than one may (30 s)',
    todo: 'Ask for a shorter range of time, name assets and tags, or ask `minutes` in place of `samples`',
    retriable: true,
  },
  SQL_TOO_LARGE: {
    what: 'A question in SQL, or its answer, does not fit into the memory that it may use',
    todo: 'Ask for a shorter range of time, aggregate, or add a LIMIT',
    retriable: false,
  },
  SUBSCRIPTION_NOT_FOUND: {
    what: 'The client has no subscription of this id: it expired, was deleted, or the hub was restarted',
    todo: 'Create it again',
    retriable: false,
  },
  TOO_BUSY: {
    what: 'The hub holds as many requests as it may',
    todo: 'Send it again after the time that `retry-after` names',
    retriable: true,
  },
  TOO_MANY_LIVE_CLIENTS: {
    what: 'As many browsers look at the live stream as may',
    todo: 'Close one, or try again later',
    retriable: true,
  },
  TOO_MANY_RECORDS: {
    what: 'One request has more records than allowed',
    todo: 'Split it, or raise `limits.records`',
    retriable: false,
  },
  TOO_MANY_REQUESTS: {
    what: 'A caller sends more requests than allowed',
    todo: 'Slow down; `retry-after` says how long to wait',
    retriable: true,
  },
  TOO_MANY_SUBSCRIPTIONS: {
    what: 'As many subscriptions of the i3X door are open as the hub holds',
    todo: 'Delete one that is not needed, or wait: those without a sync expire after 5 minutes',
    retriable: true,
  },
  TOO_MANY_TAGS: { what: 'One message has more than 10,000 tags', todo: 'Split it', retriable: false },
  TOO_MUCH_TO_EXPORT: {
    what: 'What is asked for in one piece is more than a hub holds in memory for it',
    todo: 'Ask for parts: the message names the parameter',
    retriable: false,
  },
  TOO_MUCH_AT_ONCE: {
    what: 'One answer cannot hold all that was asked for',
    todo: 'Ask for less at a time',
    retriable: false,
  },
  TOPIC_MISMATCH: {
    what: 'A topic exists with other partitions or another cleanup policy than the config demands',
    todo: 'Set what is there in the config, or use another site or data directory',
    retriable: false,
  },
  TOPIC_NOT_FOUND: {
    what: 'The log has no topic of this name',
    todo: 'List them: `GET /api/v1/topics` or `millrace topics`',
    retriable: false,
  },
  TOPIC_UNKNOWN: { what: 'A topic or partition does not exist', todo: 'Create it first', retriable: false },
  UNAUTHENTICATED: {
    what: 'The request needs a token',
    todo: 'Send `authorization: Bearer TOKEN`, or log in on the page',
    retriable: false,
  },
  UNKNOWN_TOPIC: {
    what: 'A raw message names a topic that no config names',
    todo: 'Name it in the mapping',
    retriable: false,
  },
  UNSTORABLE: {
    what: 'A message broke the check itself; it is in quarantine',
    todo: 'Report it with the record from quarantine',
    retriable: false,
  },
  UNSUPPORTED_COMPRESSION: {
    what: 'A batch is compressed with a codec that is not known here',
    todo: 'Use none, gzip, snappy, lz4 or zstd',
    retriable: false,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    what: 'The route does not take this content type',
    todo: 'Send `content-type: application/json`',
    retriable: false,
  },
  UPGRADE_REQUIRED: {
    what: 'The live stream is a WebSocket',
    todo: 'Connect with a WebSocket client',
    retriable: false,
  },
  VALUE_TOO_DEEP: { what: 'A value is nested deeper than a record can hold', todo: 'Flatten it', retriable: false },
}
