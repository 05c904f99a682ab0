/** A scenario as in a file: scenario.schema.json says what may stand in it. */
export type Scenario = { schema: string; nodes?: object[]; links?: object[]; [field: string]: unknown };
export type RunOptions = {
  /** Simulated seconds, 0 to 1,000,000. */
  seconds: number;
  /** Instead of the scenario's. */
  seed?: number;
};
export type Report = {
  seconds: number;
  events: number;
  /** The hash over all events: equal hashes, equal runs. */
  trace_hash: string;
  sent: number;
  completed: number;
  in_flight: number;
  /** Reason and count. */
  failed: [string, number][];
  nodes: { id: string; label: string; kind: string; figures: [string, number][] }[];
};
/** A name, or a name with a weight. */
export type Named = string | { name: string; weight: number };
export type PlaceOrder = {
  strategy: string;
  nodes: Named[];
  keys: string[];
  settings?: Record<string, number>;
  /** The nodes after a change, to see what moves. */
  then?: Named[];
  replicas?: number;
};
export type Places = {
  whose: string;
  keys: { key: string; node: string | null; why: string; then?: string | null; replicas?: string[] }[];
  counts: Record<string, number>;
  moved?: number;
  ideal?: number;
};
export type PickOrder = {
  strategy: string;
  servers: Named[];
  picks: number;
  settings?: Record<string, number>;
  seed?: number;
  keys?: string[];
  down?: string[];
  /** Requests stay in flight instead of being answered at once. */
  hold?: boolean;
  /** How long an answer takes, in ms; also the time between two picks. */
  took_ms?: number;
};
export type Picks = {
  whose: string;
  /** `numbers`: of whom, which, and whether that one was chosen. */
  picks: { server: string | null; why: string; numbers: [string, string, boolean][] }[];
  counts: Record<string, number>;
};
export type CacheOrder = {
  policy: string;
  capacity: number;
  keys: string[];
  settings?: Record<string, number>;
  seed?: number;
  trace?: boolean;
};
export type CacheRun = {
  whose: string;
  requests: number;
  hits: number;
  misses: number;
  hit_ratio: number;
  held: number;
  steps?: { key: string; hit: boolean; evicted: string[]; why: string }[];
};
export type Catalogue = {
  algorithms: Record<string, { key: string; name: string; whose: string; rule: string; settings: object[] }[]>;
  kinds: { key: string; name: string; settings: { key: string; name: string; unit: string; help: string }[] }[];
};
