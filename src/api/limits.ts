/** Every bound of the server, with its unit last in the name. */
export interface ApiLimits {
  /** Largest body of a request. */
  readonly bodyBytes: number
  /** Largest request line and headers together. */
  readonly headerBytes: number
  /** How long the headers of a request may take to arrive. */
  readonly headersMs: number
  /** How long a whole request may take to arrive. */
  readonly requestMs: number
  /** How long an idle connection is kept open. */
  readonly idleMs: number
  readonly connections: number
  /** Requests with a body that are being read or worked on at the same time. */
  readonly bodiesInFlight: number
  /** Per caller or, where nobody is named, per remote address; twice as many in a burst. */
  readonly requestsPerSecond: number
  /** Wrong tokens from one remote address before it has to wait; one more every ten seconds. */
  readonly wrongTokens: number
  readonly sessions: number
  readonly sessionMs: number
  readonly liveClients: number
  /** Patterns in one live request. */
  readonly livePatterns: number
  readonly liveRequestBytes: number
  /** Selections in one live request; and assets that are looked at for them in one frame, the rest in the next one. */
  readonly liveSelections: number
  readonly liveSelectionItems: number
  /** Assets that one question looks at, and how long it may take; then its page ends, and says where it goes on. */
  readonly findAssets: number
  readonly findMs: number
  /** Time between two frames of summaries to one client, and the longest between two of twins while there is news. */
  readonly liveFrameMs: number
  /** How long the next frame of twins waits, for each so many bytes of the one before: who looks at little is told soon. */
  readonly liveQuickFrameMs: number
  readonly liveQuickBytes: number
  /** How often the live stream looks for news: what a change waits at most for a client that was not told anything lately. */
  readonly liveTickMs: number
  /** A client that has more than this unsent gets no frame until it has read. */
  readonly liveBufferedBytes: number
  /** Twins, and summaries, in one frame; the rest follows in the next one. */
  readonly liveFrameItems: number
  /** Summaries in which nothing but the time of the last data changed: so many a second, round and round. */
  readonly liveRefreshesPerSecond: number
  /** How often a live client is asked whether it still lives; one unanswered ping ends it. */
  readonly livePingMs: number
  /** Objects and edges in one answer of the i3X door; a cut answer says so. */
  readonly i3xObjects: number
  /** Values of tags in one answer of the i3X door. */
  readonly i3xValues: number
  /** Ids in one request of the i3X door, and objects that one subscription may look at. */
  readonly i3xIds: number
  readonly i3xSubscriptions: number
  /** How long a subscription lives without a sync or an open stream. */
  readonly i3xSubscriptionMs: number
  /** Values that wait in one subscription; the oldest go first, and its client is told. */
  readonly i3xQueuedValues: number
  /** Least time between two changes of one object in a subscription; of what comes between, the latest. */
  readonly i3xTickMs: number
  /** Questions to history at a time. */
  readonly historyQuestions: number
  /** How long one may take. */
  readonly historyMs: number
  /** How long requests in flight may take to end when the server closes. */
  readonly closeMs: number
}

/** For a gateway at the line: generous for its machines, small enough for 512 MB. */
export const API_LIMITS: ApiLimits = {
  bodyBytes: 1 << 20,
  headerBytes: 16 << 10,
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 60_000,
  connections: 1_000,
  bodiesInFlight: 128,
  requestsPerSecond: 5_000,
  wrongTokens: 10,
  sessions: 1_000,
  sessionMs: 12 * 3_600_000,
  liveClients: 100,
  livePatterns: 1_000,
  liveRequestBytes: 256 << 10,
  liveSelections: 8,
  liveSelectionItems: 500,
  findAssets: 20_000,
  findMs: 50,
  liveFrameMs: 100,
  liveQuickFrameMs: 20,
  liveQuickBytes: 64 << 10,
  liveTickMs: 10,
  liveBufferedBytes: 512 << 10,
  liveFrameItems: 1_000,
  liveRefreshesPerSecond: 200,
  livePingMs: 15_000,
  i3xObjects: 20_000,
  i3xValues: 100_000,
  i3xIds: 10_000,
  i3xSubscriptions: 100,
  i3xSubscriptionMs: 300_000,
  i3xQueuedValues: 10_000,
  i3xTickMs: 50,
  historyQuestions: 8,
  historyMs: 30_000,
  closeMs: 3_000,
}
