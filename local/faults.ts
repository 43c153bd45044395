/**
 * Faults on purpose, for tests: a throttled call, a 500, an answer that never comes (before or after the call took
 * effect), a reset connection. The clients' own retries and timeouts then do what they would do in AWS.
 */
import type { Call, Service } from './calls.ts';

export type Fault = {
  /** Absent: any. */
  function?: string;
  service: Service;
  /** The API's name of the call (`SendMessageBatch`). Absent: any. */
  action?: string;
  /** Which of these calls, by what they ask for. Absent: each. */
  when?: (call: Call) => boolean;
  kind: 'throttle' | 'error500' | 'timeout-before' | 'timeout-after' | 'reset';
  /** How many calls it strikes. */
  times: number;
  /** Milliseconds that a `timeout-…` keeps the caller waiting before the connection is cut. Default 30,000. */
  holdMs?: number;
};
export type Armed = { readonly fired: number; remove(): void };
export type Faults = {
  add(fault: Fault): Armed;
  clear(): void;
  /** The fault that strikes this call, if one does; it is then used up by one. */
  strike(functionName: string, call: Call): Fault | undefined;
};

export function openFaults(): Faults {
  let armed: { fault: Fault; fired: number }[] = [];
  return {
    add(fault) {
      const one = { fault, fired: 0 };
      armed.push(one);
      return {
        get fired() {
          return one.fired;
        },
        remove: () => {
          armed = armed.filter((other) => other !== one);
        },
      };
    },
    clear: () => {
      armed = [];
    },
    strike(functionName, call) {
      const hit = armed.find(
        ({ fault, fired }) =>
          fired < fault.times &&
          fault.service === call.service &&
          (fault.function ?? functionName) === functionName &&
          (fault.action ?? call.operation) === call.operation &&
          (fault.when?.(call) ?? true),
      );
      if (!hit) return undefined;
      hit.fired++;
      return hit.fault;
    },
  };
}
